"""`mp service-accounts` as an administrator runs it."""

import json
from pathlib import Path

import httpx

from tests.cli.test_people import log_in, run, url

__all__ = ["url"]


async def test_a_program_gets_an_account_a_key_fewer_rights_and_an_end(url: str, tmp_path: Path) -> None:
    mp = await log_in(tmp_path / "admin", url)
    made = await run(
        mp, "service-accounts", "make", "deploy-bot", "--purpose", "Publishes.", "--right", "services:publish",
        "--right", "services:read",
    )  # fmt: skip
    assert "services:publish, services:read" in made.stdout, made.stderr
    again = await run(mp, "service-accounts", "make", "Deploy-Bot")
    assert (again.returncode, "Choose another name" in again.stderr) == (1, True)
    new = json.loads((await run(mp, "keys", "make", "--kind", "vk", "--account", "deploy-bot", "--json")).stdout)
    assert new["service_account_name"] == "deploy-bot"
    assert "deploy-bot (made by" in (await run(mp, "keys", "list")).stdout
    nobody = await run(mp, "keys", "make", "--account", "nobody")
    assert (nobody.returncode, "mp service-accounts list" in nobody.stderr) == (2, True)
    less = json.loads((await run(mp, "service-accounts", "rights", "deploy-bot", "--right", "services:read",
                                 "--json")).stdout)  # fmt: skip
    assert (less["rights"], less["keys"]) == (["services:read"], 1)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {new['key']}"}) as program:
        assert (await program.get(f"{url}/api/me")).json()["permissions"] == ["services:read"]
        done = await run(mp, "service-accounts", "disable", less["id"])
        assert done.stdout == "deploy-bot is disabled, and all its keys are revoked.\n"
        assert (await program.get(f"{url}/api/me")).status_code == 401
    listed = json.loads((await run(mp, "service-accounts", "list", "--json")).stdout)["items"]
    assert [(each["name"], each["keys"]) for each in listed] == [("deploy-bot", 0)]
    refused = await run(mp, "keys", "make", "--account", "deploy-bot")
    assert (refused.returncode, "disabled" in refused.stderr) == (1, True)
    assert "is enabled" in (await run(mp, "service-accounts", "enable", "deploy-bot")).stdout
    assert (await run(mp, "keys", "make", "--account", "deploy-bot")).returncode == 0
    shown = await run(mp, "service-accounts", "show", "deploy-bot")
    assert "Publishes." in shown.stdout
