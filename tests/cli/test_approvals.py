"""`mp approvals` as operators run it, and `mp reviews own` as a consumer does."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.cli.conftest import Mp
from tests.conftest import TestClock
from tests.support.asgi import serve_app
from tests.support.governed import submit
from tests.support.market import Market, market

__all__ = ["market"]

Run = Callable[..., Awaitable[subprocess.CompletedProcess[str]]]


@pytest.fixture
async def url(app: FastAPI, clock: TestClock) -> AsyncIterator[str]:
    clock.at = datetime.now(UTC)
    async with serve_app(app) as address:
        yield address


async def log_in(url: str, folder: Path, email: str) -> Run:
    """The command of this person."""
    folder.mkdir()
    mp = Mp(folder)

    async def run(*words: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(mp, *words)

    login = ("login", "--url", url, "--email", email)
    done = await asyncio.to_thread(lambda: mp(*login, stdin="correct horse battery"))
    assert done.returncode == 0, done.stderr
    return run


async def test_a_release_is_claimed_commented_decided_and_found(url: str, market: Market, tmp_path: Path) -> None:
    await market.operator()
    first = await log_in(url, tmp_path / "first", "operator@example.org")
    submission_id = await submit(market, await market.people.join("zeta"))
    assert "You have claimed zeta/speaker" in (await first("approvals", "claim", submission_id)).stdout
    assert "recorded" in (await first("approvals", "comment", submission_id, "Whose voice is it?")).stdout
    shown = (await first("approvals", "show", submission_id)).stdout
    assert "Whose voice is it?" in shown
    assert "claimed by" in shown
    assert "UTC by Zeta" in shown, shown
    assert submission_id in (await first("approvals", "list", "--mine", "--search", "speaker", "--json")).stdout
    assert "Nobody has claimed" in (await first("approvals", "let-go", submission_id)).stdout
    other = await first("approvals", "reject", submission_id, "--reason", "no licence", "--json")
    assert other.returncode == 0, other.stderr
    assert submission_id in (await first("approvals", "list", "--state", "rejected", "--json")).stdout
    late = await first("approvals", "claim", submission_id)
    assert (late.returncode, "rejected already" in late.stderr) == (1, True)


async def test_an_organisation_reads_its_own_review(url: str, market: Market, tmp_path: Path) -> None:
    service, plan = await market.list_service(await market.people.join("acme"))
    customer = await market.customer(service, plan, "globex")
    await market.take([market.event(customer)])
    person = await log_in(url, tmp_path / "person", "globex@example.org")
    none = await person("reviews", "own", "acme/embedder")
    assert none.returncode == 1
    assert (await person("reviews", "write", "acme/embedder", "--stars", "4", "--words", "Fast.")).returncode == 0
    own = await person("reviews", "own", "acme/embedder")
    assert "4 of 5" in own.stdout, own.stderr
    assert "Fast." in own.stdout
