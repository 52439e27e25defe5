"""`mp scim` as an administrator runs it."""

import json
from pathlib import Path

import httpx

from tests.cli.test_people import log_in, run, url

__all__ = ["url"]


async def test_an_administrator_sets_provisioning_up_and_ends_it(url: str, tmp_path: Path) -> None:
    mp = await log_in(tmp_path / "admin", url)
    shown = json.loads((await run(mp, "scim", "show", "--json")).stdout)
    assert shown["base_url"].endswith("/scim/v2")
    assert (shown["roles"], shown["default_role"]) == ({}, "viewer")
    answer = await run(mp, "scim", "set", "--role", "staff=approver")
    assert "staff: approver" in answer.stdout, answer.stderr
    wrong = await run(mp, "scim", "set", "--role", "staff=king")
    assert (wrong.returncode, "GROUP=ROLE" in wrong.stderr) == (2, True)
    made = json.loads((await run(mp, "scim", "tokens", "create", "--name", "Okta", "--days", "30", "--json")).stdout)
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {made['token']}"}) as provider:
        found = await provider.get(f"{url}/scim/v2/Users")
        assert found.json()["totalResults"] == 1
        assert "in force" in (await run(mp, "scim", "tokens", "list")).stdout
        assert (await run(mp, "scim", "tokens", "revoke", made["id"])).stdout == f"{made['id']} is revoked.\n"
        assert (await provider.get(f"{url}/scim/v2/Users")).status_code == 401
    assert made["token"] not in (await run(mp, "scim", "tokens", "list", "--json")).stdout
