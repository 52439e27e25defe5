"""The worker is killed with SIGKILL while it settles a round; the round comes out as one that was left in peace."""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from mercato.datasets import Round
from mercato.signals import DeskRecord
from tests.conftest import as_url
from tests.signals.conftest import Desk
from tests.support.engines import elsewhere
from tests.support.waiting import SECONDS
from tests.support.workflow_records import ended_as, recorded_steps

WORKER = Path(__file__).with_name("settling_worker.py")
ERAS = 2
LAST = ERAS + 1
"""The number of the step that scores: after the consensus and a portfolio for each era."""

_TOLD = {
    "what was published": "SELECT round_id, kind, era, encode(content, 'escape'), sha256 FROM desk_documents",
    "scores": "SELECT deployment_id, round_id, number, vendor_id, weight, figures FROM deployment_round_scores",
    "rounds": "SELECT id, state, scores_sha256 FROM rounds",
    "what moved rounds": "SELECT round_id, state, by, reason FROM round_transitions",
    "switches": "SELECT scope, target, origin, reason, by, lifted_at FROM kill_switches",
    "holds": "SELECT deployment_id, reason FROM deployment_holds",
    "the record": "SELECT number, actor, what, subject, facts::jsonb - 'switch' FROM desk_events",
    "news": "SELECT topic, payload - 'by' - 'holder' FROM outbox_events",
}  # fmt: skip


def _told(database_url: str) -> dict[str, list[str]]:
    """Everything that settling writes, without ids that are made by chance."""
    with psycopg.connect(database_url) as connection:
        return {
            name: sorted(json.dumps(row, default=str, sort_keys=True) for row in connection.execute(query))
            for name, query in _TOLD.items()
        }


def _is_settled(database_url: str, found: Round) -> bool:
    return ended_as(database_url, f"settle-round:{found.id}") == "done"


@contextlib.contextmanager
def twin(database_url: str) -> Iterator[str]:
    """A copy of the database."""
    name, original = f"twin_{uuid4().hex[:12]}", database_url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(as_url(database_url, "postgres"), autocommit=True) as server:
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        server.execute(words.format(sql.Identifier(name), sql.Identifier(original)))
        yield as_url(database_url, name)
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


class Workers:
    """Lives of one worker of a database, one after the other."""

    def __init__(self, database_url: str, objects: Path, now: str) -> None:
        self._arguments = [database_url, str(objects), now]
        self._database_url = database_url

    @contextlib.asynccontextmanager
    async def life(self, *moment: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(sys.executable, str(WORKER), *self._arguments, *moment)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                async with asyncio.timeout(SECONDS):
                    await process.wait()

    async def die(self, moment: str) -> None:
        async with self.life(moment) as doomed:
            async with asyncio.timeout(SECONDS):
                assert await doomed.wait() == -signal.SIGKILL, moment

    async def settle(self, found: Round) -> None:
        async with self.life() as process:
            deadline = time.monotonic() + SECONDS
            while not _is_settled(self._database_url, found):
                assert process.returncode is None
                assert time.monotonic() < deadline, "not settled in time"
                await asyncio.sleep(0.05)


async def _closed_round(desk: Desk) -> Round:
    """A round with weights from the one before, and one who always says the same, which throws a switch."""
    acme, zeta, flat = [await desk.writer(name) for name in ("acme", "zeta", "flat")]
    first = await desk.open()
    await desk.say(acme, first, 0.5, 1)
    await desk.say(zeta, first, 0.1, 11)
    await desk.settle(first)
    async with desk.database.transaction() as session:
        # It is settled: no worker shall hear of it.
        await session.execute(text("DELETE FROM outbox_events WHERE topic = 'round.closed'"))
    found = await desk.open(eras=ERAS)
    await desk.say(acme, found, 0.5, 2)
    await desk.say(zeta, found, 0.1, 12)
    panel = await desk.panel_of(found)
    for era in range(found.first_era, found.last_era + 1):
        write = desk.write(flat, found, era, dict.fromkeys(panel.names(era), 0.3))
        await desk.take(flat, json.dumps(write).encode())
    await desk.room.close(found.id)
    await desk.database.close()  # A database is copied while nobody is connected.
    return found


@pytest.fixture
def workers(desk: Desk, database_url: str, tmp_path: Path) -> Workers:
    """Of the test's own database."""
    return Workers(database_url, tmp_path / "state" / "objects", desk.clock.now().isoformat())


async def _assert_as_undisturbed(desk: Desk, database_url: str, undisturbed: dict[str, list[str]]) -> None:
    answer = _told(database_url)
    assert answer == undisturbed
    record: list[Any] = [json.loads(line) for line in answer["the record"]]
    assert [(what, subject == "*") for _, _, what, subject, _ in sorted(record)][1:] == [
        ("kill.thrown", False),
        ("round.scored", False),
    ]
    assert len(answer["switches"]) == len(answer["holds"]) == 1
    async with desk.database.transaction() as session:
        assert await DeskRecord(session, desk.clock).check(desk.log_key) == 3


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "moments",
    [
        [f"in {LAST}"],
        pytest.param([f"{when} {step}" for step in range(LAST + 1) for when in ("in", "after")],
                     marks=pytest.mark.slow),
    ],
    ids=["while it scores", "in and after every step"],
)  # fmt: skip
async def test_a_worker_killed_in_its_steps_settles_the_round_once(
    workflow_engine: str, desk: Desk, workers: Workers, database_url: str, tmp_path: Path, moments: list[str]
) -> None:
    found = await _closed_round(desk)
    with twin(database_url) as copy, elsewhere():
        await Workers(copy, tmp_path / "state" / "objects", desk.clock.now().isoformat()).settle(found)
        undisturbed = _told(copy)
    for moment in moments:
        await workers.die(moment)
    await workers.settle(found)
    await _assert_as_undisturbed(desk, database_url, undisturbed)
    portfolios = [f"portfolio {era}" for era in range(found.first_era, found.last_era + 1)]
    assert recorded_steps(database_url, f"settle-round:{found.id}") == ["consensus", *portfolios, "scores"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_a_worker_killed_again_and_again_at_any_moment_settles_the_round_once(
    workflow_engine: str, desk: Desk, workers: Workers, database_url: str, tmp_path: Path
) -> None:
    found = await _closed_round(desk)
    with twin(database_url) as copy, elsewhere():
        began = time.monotonic()
        await Workers(copy, tmp_path / "state" / "objects", desk.clock.now().isoformat()).settle(found)
        whole_seconds = time.monotonic() - began
        undisturbed = _told(copy)
    for share in range(1, 11):
        async with workers.life() as doomed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(whole_seconds * share / 10):
                    await doomed.wait()
            doomed.kill()
            await doomed.wait()
    await workers.settle(found)
    await _assert_as_undisturbed(desk, database_url, undisturbed)
