"""`mp organisations`, `mp roles` and `mp people role|disable|enable` as people run them."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.cli.conftest import Mp
from tests.conftest import People, TestClock
from tests.support.asgi import serve_app

_PASSWORD = "correct horse battery"


@pytest.fixture
async def url(app: FastAPI, clock: TestClock, people: People) -> AsyncIterator[str]:
    clock.at = datetime.now(UTC)
    await people.join("acme")
    await people.operator()
    async with serve_app(app) as address:
        yield address


async def run(mp: Mp, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(mp, *words, stdin=stdin)


async def log_in(folder: Path, url: str, email: str) -> Mp:
    folder.mkdir()
    mp = Mp(folder)
    done = await run(mp, "login", "--url", url, "--email", email, stdin=_PASSWORD)
    assert done.returncode == 0, done.stderr
    return mp


async def test_an_operator_suspends_and_reinstates(tmp_path: Path, url: str) -> None:
    operator = await log_in(tmp_path / "operator", url, "operator@example.org")
    acme = await log_in(tmp_path / "acme", url, "acme@example.org")
    done = await run(operator, "organisations", "suspend", "acme", "--reason", "unpaid invoices")
    assert done.returncode == 0, done.stderr
    listed = await run(operator, "organisations", "list", "--state", "suspended")
    assert "unpaid invoices" in listed.stdout
    refused = await run(acme, "whoami")
    assert refused.returncode != 0
    assert "suspended the organisation acme" in refused.stderr
    assert (await run(operator, "organisations", "reinstate", "acme", "--reason", "paid")).returncode == 0
    assert (await run(acme, "whoami")).returncode == 0
    verified = await run(operator, "organisations", "verify", "acme", "--reason", "we met them", "--json")
    assert json.loads(verified.stdout)["is_verified"] is True
    denied = await run(acme, "organisations", "list")
    assert denied.returncode == 1


async def test_an_administrator_decides_about_people(tmp_path: Path, url: str) -> None:
    acme = await log_in(tmp_path / "acme", url, "acme@example.org")
    me = json.loads((await run(acme, "people", "list", "--json")).stdout)["items"][0]["id"]
    for words in (("disable", me), ("role", me, "viewer")):
        last = await run(acme, "people", *words)
        assert last.returncode == 1
        assert "last admin" in last.stderr
    table = await run(acme, "roles")
    assert "audit:read" in table.stdout
