"""`mp sso` and `mp login --sso` as administrators and members run them."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.cli.conftest import Mp
from tests.cli.test_people import log_in, run
from tests.conftest import People, TestClock
from tests.fakes.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, serve_provider
from tests.support.asgi import serve_app
from tests.support.running import BIN


@pytest.fixture
async def url(app: FastAPI, clock: TestClock, people: People) -> AsyncIterator[str]:
    """A marketplace whose clock starts at the present, with the person acme@example.org."""
    clock.at = datetime.now(UTC)
    await people.join("acme")
    async with serve_app(app) as address:
        yield address


@pytest.fixture
def provider(clock: TestClock) -> Iterator[IdentityProvider]:
    with serve_provider(clock.now) as provider:
        provider.person = {"sub": "ada", "email": "ada@acme.example", "email_verified": True}
        yield provider


async def _follow(mp: Mp, provider: IdentityProvider, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs a command that leads to the provider, and types in the address of the way back."""

    def talk() -> subprocess.CompletedProcess[str]:
        command = [str(BIN / "mp"), *words]
        with subprocess.Popen(
            command, env=mp.environment, cwd=mp.config, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            assert process.stderr is not None
            shown = ""
            while not (found := re.search(r"http\S+/auth\?\S+", shown)):
                line = process.stderr.readline()
                assert line, shown
                shown += line
            query = "&".join(f"{name}={value}" for name, value in provider.visit(found[0]).items())
            stdout, stderr = process.communicate(f"http://127.0.0.1:8000/sso/callback?{query}{os.linesep}")
        return subprocess.CompletedProcess(command, process.returncode, stdout, shown + stderr)

    return await asyncio.to_thread(talk)


async def test_an_administrator_sets_a_provider_up_links_and_unlinks(
    url: str, tmp_path: Path, provider: IdentityProvider
) -> None:
    admin = await log_in(tmp_path / "admin", url)
    nothing = await run(admin, "sso", "show")
    assert (nothing.returncode, "mp sso set" in nothing.stderr) == (1, True)
    settings = ["--issuer", provider.issuer, "--client-id", CLIENT_ID, "--domain", "acme.example"]
    wrong = await run(admin, "sso", "set", *settings, "--role", "board=king", stdin=CLIENT_SECRET)
    assert (wrong.returncode, "GROUP=ROLE" in wrong.stderr) == (2, True), wrong
    done = await run(admin, "sso", "set", *settings, "--role", "board=admin", "--json", stdin=CLIENT_SECRET)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["roles"] == {"board": "admin"}
    assert CLIENT_SECRET not in done.stdout + done.stderr
    shown = await run(admin, "sso", "show")
    assert "/sso/callback" in shown.stdout
    early = await run(admin, "sso", "passwords", "off")
    assert (early.returncode, "mp login --sso" in early.stderr) == (1, True)
    alone = await _follow(admin, provider, "sso", "link")
    assert (alone.returncode, "last admin" in alone.stderr) == (1, True), alone.stderr
    body = ["people", "invite", "eve@acme.example", "--role", "admin"]
    link = (await run(admin, *body)).stdout.strip()
    await run(Mp(tmp_path), "people", "join", f"{url}/join/{link.rpartition('/')[2]}", "--name", "Eve", stdin="x" * 20)
    linked = await _follow(admin, provider, "sso", "link")
    assert (linked.returncode, linked.stdout) == (0, "Linked. Sign in there from now on.\n"), linked.stderr
    provider.person["groups"] = ["board"]
    proved = await _follow(admin, provider, "sso", "prove")
    assert (proved.returncode, proved.stdout) == (0, "Proven; valid for ten minutes.\n"), proved.stderr
    assert (await run(admin, "sso", "passwords", "off")).returncode == 0
    accounts = json.loads((await run(admin, "sso", "accounts", "--json")).stdout)["items"]
    assert [(each["email"], each["subject"]) for each in accounts] == [("acme@example.org", "ada")]
    eve = await log_in(tmp_path / "eve", url, "eve@acme.example", "x" * 20)
    unlinked = await run(eve, "sso", "unlink", accounts[0]["user_id"])
    assert unlinked.returncode == 0, unlinked.stderr
    assert (await run(admin, "whoami")).returncode == 3
    assert (await run(eve, "sso", "remove")).stdout == "Removed. Passwords work again.\n"


async def test_what_is_no_address_of_the_way_back_is_refused(
    url: str, tmp_path: Path, provider: IdentityProvider
) -> None:
    admin = await log_in(tmp_path / "admin", url)
    settings = ["--issuer", provider.issuer, "--client-id", CLIENT_ID]
    await run(admin, "sso", "set", *settings, stdin=CLIENT_SECRET)
    wrong = await run(admin, "sso", "prove", stdin="http://127.0.0.1:8000/")
    assert (wrong.returncode, "not the address" in wrong.stderr) == (2, True), wrong.stderr
