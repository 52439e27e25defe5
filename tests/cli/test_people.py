"""`mp people`, `sessions`, `password`, `second-factor` and `prove` as a person runs them."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pyotp
import pytest
from fastapi import FastAPI

from mercato_cli.main import main
from tests.cli.conftest import Mp
from tests.conftest import People, TestClock
from tests.support.asgi import serve_app
from tests.support.running import BIN
from tests.support.terminal import run_in_terminal

_PASSWORD = "correct horse battery"


@pytest.fixture
async def url(app: FastAPI, clock: TestClock, people: People) -> AsyncIterator[str]:
    """A marketplace whose clock starts at the present, with the person acme@example.org."""
    clock.at = datetime.now(UTC)
    await people.join("acme")
    async with serve_app(app) as address:
        yield address


async def run(mp: Mp, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(mp, *words, stdin=stdin)


async def log_in(folder: Path, url: str, email: str = "acme@example.org", password: str = _PASSWORD) -> Mp:
    folder.mkdir(exist_ok=True)
    mp = Mp(folder)
    done = await run(mp, "login", "--url", url, "--email", email, stdin=password)
    assert done.returncode == 0, done.stderr
    return mp


async def test_a_colleague_joins_by_a_link_and_is_signed_out_by_an_administrator(url: str, tmp_path: Path) -> None:
    admin = await log_in(tmp_path / "admin", url)
    invited = await run(admin, "people", "invite", "bob@acme.example", "--role", "viewer")
    link = f"{url}/join/{invited.stdout.strip().rpartition('/')[2]}"
    joined = await run(Mp(tmp_path), "people", "join", link, "--name", "Bob", stdin=_PASSWORD)
    assert f"mp login --url {url} --email bob@acme.example" in joined.stdout, joined.stderr
    bob = await log_in(tmp_path / "bob", url, "bob@acme.example")
    listed = json.loads((await run(admin, "people", "list", "--json")).stdout)["items"]
    user = next(each["id"] for each in listed if each["email"] == "bob@acme.example")
    assert (await run(admin, "people", "sign-out", user)).stdout == f"1 session of {user} ended.\n"
    assert (await run(bob, "whoami")).returncode == 3
    states = json.loads((await run(admin, "people", "invitations", "--json")).stdout)["items"]
    assert [each["state"] for each in states] == ["accepted"]


async def test_sessions_elsewhere_end(url: str, tmp_path: Path) -> None:
    here, there = await log_in(tmp_path / "here", url), await log_in(tmp_path / "there", url)
    assert len(json.loads((await run(here, "sessions", "list", "--json")).stdout)["items"]) == 2
    assert (await run(here, "sessions", "end", "--others")).stdout == "1 session ended.\n"
    assert (await run(there, "whoami")).returncode == 3
    assert (await run(here, "sessions", "end")).returncode == 2


async def test_a_password_is_changed(url: str, tmp_path: Path) -> None:
    mp = await log_in(tmp_path / "one", url)
    changed = await run(mp, "password", "change", stdin=f"{_PASSWORD}\nanother good one\n")
    assert changed.stdout == "Changed. Sessions elsewhere that ended: 0.\n", changed.stderr
    await log_in(tmp_path / "two", url, password="another good one")
    assert (await run(mp, "password", "forgot", "acme@example.org")).returncode == 0


async def test_an_app_is_needed_from_its_first_code_on(url: str, tmp_path: Path, clock: TestClock) -> None:
    mp = await log_in(tmp_path / "one", url)
    process = await asyncio.create_subprocess_exec(
        str(BIN / "mp"),
        "second-factor",
        "add",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=mp.environment,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    secret = (await process.stderr.readline()).decode().split()[1]
    totp = pyotp.TOTP(secret)
    out, _ = await process.communicate(f"{totp.at(clock.at)}\n".encode())
    assert process.returncode == 0
    recovery = out.decode().split("\n")[1]
    words = ("login", "--url", url, "--email", "acme@example.org")
    without = await run(mp, *words, stdin=_PASSWORD)
    assert (without.returncode, "code" in without.stderr) == (3, True), without.stderr
    clock.advance(timedelta(seconds=30))
    assert (await run(mp, *words, stdin=f"{_PASSWORD}\n{totp.at(clock.at)}\n")).returncode == 0
    clock.advance(timedelta(minutes=11))
    refused = await run(mp, "second-factor", "recovery-codes")
    assert "mp prove" in refused.stderr
    assert (await run(mp, "prove", "--code", stdin=recovery)).returncode == 0
    assert (await run(mp, "second-factor", "recovery-codes")).returncode == 0
    factor = json.loads((await run(mp, "second-factor", "list", "--json")).stdout)["items"][0]["id"]
    assert (await run(mp, "second-factor", "remove", factor)).stdout == f"{factor} is removed.\n"


def test_every_command_of_the_page_exists() -> None:
    page = (Path(__file__).parents[2] / "docs" / "people.md").read_text()
    lines = [line.partition("#")[0].split() for line in page.splitlines() if line.startswith("mp ")]
    assert len(lines) > 10
    for words in lines:
        command: click.Command = main
        for word in words[1:]:
            if not isinstance(command, click.Group):
                break
            found = command.get_command(click.Context(command), word)
            assert found is not None, words
            command = found
        options = {option for each in command.params for option in each.opts}
        assert {word for word in words if word.startswith("--")} <= options, words


async def test_at_a_terminal_a_proof_is_asked_for_and_the_command_goes_on(
    url: str, tmp_path: Path, clock: TestClock
) -> None:
    admin = await log_in(tmp_path / "admin", url)
    words = [str(BIN / "mp"), "people", "list", "--json"]
    (user,) = json.loads((await run(admin, *words[1:])).stdout)["items"]
    clock.advance(timedelta(minutes=11))
    words = [str(BIN / "mp"), "people", "role", user["id"], "admin"]
    refused = await run(admin, *words[1:])
    assert (refused.returncode, "mp prove" in refused.stderr) == (1, True)
    code, screen = await asyncio.to_thread(
        run_in_terminal, words, admin.environment, admin.config, typed=f"{_PASSWORD}\n"
    )
    assert (code, "is admin." in screen) == (0, True), screen
    assert _PASSWORD not in screen
