"""The worker is killed with SIGKILL in and between the steps; the pipeline ends as if nothing had happened."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from mercato.platform.outbox import OutboxRow
from mercato.publishing.models import Evidence
from tests.conftest import People
from tests.publishing.conftest import Marketplace, Offer
from tests.support.waiting import SECONDS
from tests.support.workflow_records import recorded_steps

WORKER = Path(__file__).with_name("pipeline_worker.py")


@contextlib.asynccontextmanager
async def worker(database_url: str, rules: str, *moment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(sys.executable, str(WORKER), database_url, rules, *moment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(SECONDS):
                await process.wait()


async def assert_released_once(idle: Marketplace, submission_id: str) -> None:
    async with idle.database.transaction() as session:
        answer = await session.scalars(select(OutboxRow).where(OutboxRow.topic == "service.released"))
        assert len(answer.all()) == 1
        for table, count in {"services": 1, "releases": 1, "deployments": 1, "plans": 2, "approvals": 1}.items():
            assert await session.scalar(text(f"SELECT count(*) FROM {table}")) == count
        phases = await session.scalars(select(Evidence.phase).where(Evidence.submission_id == submission_id))
        assert sorted(phases) == list(range(1, 11))


STEPS = [
    "1 intake", "2 manifest", "3 openapi", "4 compatibility", "5 secrets",
    "6 contract", "7 performance", "8 policy", "9 approval", "10 release",
]  # fmt: skip
"""As running workflows have them in their records: with other names they would not survive an upgrade."""


@pytest.mark.parametrize("moment", ["after 0", "in 5", "after 8", "in 9"])
async def test_a_worker_killed_once_goes_on(
    workflow_engine: str, idle: Marketplace, offer: Offer, people: People, database_url: str, rules: str, moment: str
) -> None:
    vendor = await people.join("acme")
    submission = await idle.submit(vendor, offer)
    async with worker(database_url, rules, moment) as first:
        async with asyncio.timeout(SECONDS):
            assert await first.wait() == -signal.SIGKILL
    async with worker(database_url, rules):
        await idle.follow(vendor, submission.id, "released", seconds=SECONDS)
        # The release may have been written by the worker that died, and is recorded by this one.
        async with asyncio.timeout(SECONDS):
            while len(recorded_steps(database_url, f"publish:{submission.id}")) < len(STEPS):
                await asyncio.sleep(0.05)
    assert recorded_steps(database_url, f"publish:{submission.id}") == STEPS
    await assert_released_once(idle, submission.id)


async def test_a_decision_reaches_a_worker_that_was_killed_while_it_waited(
    workflow_engine: str, idle: Marketplace, offer: Offer, people: People, database_url: str, rules: str
) -> None:
    vendor, operator = await people.join("acme"), await people.operator()
    offer.manifest["task"] = "speech"
    submission = await idle.submit(vendor, offer)
    async with worker(database_url, rules) as first:
        await idle.follow(vendor, submission.id, "waiting", seconds=SECONDS)
        first.kill()
        await first.wait()
    await idle.decide(operator, submission.id, "approve")
    async with worker(database_url, rules):
        await idle.follow(vendor, submission.id, "released", seconds=SECONDS)
    await assert_released_once(idle, submission.id)


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_a_worker_killed_in_and_after_every_single_step_ends_all_the_same(
    workflow_engine: str, idle: Marketplace, offer: Offer, people: People, database_url: str, rules: str
) -> None:
    vendor = await people.join("acme")
    submission = await idle.submit(vendor, offer)
    for step in range(10):
        for moment in (f"in {step}", f"after {step}"):
            async with worker(database_url, rules, moment) as doomed:
                async with asyncio.timeout(SECONDS):
                    assert await doomed.wait() == -signal.SIGKILL, moment
    async with worker(database_url, rules):
        await idle.follow(vendor, submission.id, "released", seconds=SECONDS)
    await assert_released_once(idle, submission.id)
