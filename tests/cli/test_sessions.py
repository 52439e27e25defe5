"""How long a login lasts, by a clock that is moved: a person refreshes, a key is replaced, and the hint fits each."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI

from mercato_cli.client import Client
from mercato_cli.errors import Exit
from mercato_cli.profiles import Profiles
from tests.cli.conftest import Mp
from tests.conftest import People, TestClock
from tests.support.asgi import serve_app
from tests.support.running import BIN

_PASSWORD = "correct horse battery"


@pytest.fixture
async def url(app: FastAPI, clock: TestClock, people: People) -> AsyncIterator[str]:
    """A marketplace whose clock starts at the present, with the person acme@example.org."""
    clock.at = datetime.now(UTC)
    await people.join("acme")
    async with serve_app(app) as address:
        yield address


@pytest.fixture
async def person(url: str, tmp_path: Path) -> Mp:
    """Logged in with a password."""
    mp = Mp(tmp_path)
    done = await asyncio.to_thread(mp, "login", "--url", url, "--email", "acme@example.org", stdin=_PASSWORD)
    assert done.returncode == 0, done.stderr
    return mp


async def test_a_person_stays_logged_in_past_the_end_of_the_access_token(person: Mp, clock: TestClock) -> None:
    """By this machine's clock the token is still good: the marketplace's counts."""
    for _ in range(3):
        clock.advance(timedelta(minutes=16))
        done = await asyncio.to_thread(person, "whoami", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["organisation"] == "acme"


async def test_a_token_that_has_ended_by_this_machines_clock_is_refreshed_before_it_is_used(
    person: Mp, clock: TestClock
) -> None:
    clock.advance(timedelta(minutes=16))
    profiles = Profiles(person.config / "mercato")
    before = profiles.get(None)
    client = Client(before, profiles, timeout=30, now=lambda: clock.at.timestamp())
    assert (await asyncio.to_thread(client.me)).organisation == "acme"
    after = profiles.get(None)
    assert after.refresh_token != before.refresh_token
    assert after.credential != before.credential


async def test_a_session_that_is_over_names_the_way_in_for_a_person(person: Mp, clock: TestClock) -> None:
    clock.advance(timedelta(days=400))
    done = await asyncio.to_thread(person, "whoami")
    assert done.returncode == 3
    assert "`mp login --email ADDRESS`" in done.stderr
    assert "--token" not in done.stderr


async def test_a_key_that_is_over_names_the_way_in_for_a_program(person: Mp, clock: TestClock, url: str) -> None:
    made = await asyncio.to_thread(person, "keys", "make", "--days", "1")
    await asyncio.to_thread(person, "login", "--url", url, "--token", "-", "--profile", "robot", stdin=made.stdout)
    clock.advance(timedelta(days=2))
    done = await asyncio.to_thread(person, "whoami", "--profile", "robot")
    assert done.returncode == 3
    assert "`mp login --token - --profile robot`" in done.stderr
    assert "--email" not in done.stderr


async def test_a_refresh_that_cannot_be_kept_is_not_spent(person: Mp, clock: TestClock) -> None:
    """A refresh token is good once: where its successor cannot be written it stays good."""
    clock.advance(timedelta(minutes=16))
    command = ["bash", "-c", 'ulimit -f 0; exec "$@"', "mp", str(BIN / "mp"), "whoami"]
    full = await asyncio.to_thread(
        subprocess.run, command, env=person.environment, cwd=person.config, capture_output=True, text=True, timeout=60
    )
    assert full.returncode == 2, full.stderr
    assert "cannot be written" in full.stderr
    done = await asyncio.to_thread(person, "whoami")
    assert done.returncode == 0, done.stderr


async def test_nobody_is_told_to_log_in_where_they_read_what_is_public(url: str, tmp_path: Path) -> None:
    mp = Mp(tmp_path)
    done = await asyncio.to_thread(mp, "services", "list", MERCATO_URL=url)
    assert done.returncode == 0, done.stderr
    refused = await asyncio.to_thread(mp, "whoami", MERCATO_URL=url)
    assert refused.returncode == 3
    assert refused.stderr == f"mp: You are not logged in to {url}. Log in with `mp login --url {url}`.\n"


async def test_an_address_in_the_environment_chooses_the_profile_of_that_marketplace(person: Mp, url: str) -> None:
    done = await asyncio.to_thread(person, "whoami", "--json", MERCATO_URL=url)
    assert json.loads(done.stdout)["organisation"] == "acme"
    other = await asyncio.to_thread(person, "whoami", MERCATO_URL="http://127.0.0.1:9")
    assert other.returncode == Exit.UNREACHABLE, "its credential goes to no other marketplace"
