"""What DBOS keeps beyond the suite of every engine: old records, a database that goes away, rest."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from dbos import DBOS
from psycopg import sql

from mercato.platform import Steps, Workflow
from tests.adapters.conftest import Diary, OpenEngine
from tests.support.waiting import until
from tests.support.workflow_records import recorded_steps

pytestmark = pytest.mark.parametrize("workflow_engine", ["dbos"], indirect=True)


async def test_work_that_began_with_closures_for_steps_resumes(open_engine: OpenEngine, database_url: str) -> None:
    """Earlier versions wrote the names of calls by hand; the records are the same, so the steps are not run again."""
    diary = Diary()

    async def begun_earlier(steps: Any, subject: str) -> None:
        for name, result in (("list", [3, 4]), ("portfolio 3", "kept")):
            await DBOS.run_step_async({"name": name}, _answer(result))
        diary.lines.append("begun")
        await steps.wait("decision", timedelta(days=30))

    async def run(steps: Steps, subject: str) -> None:
        eras = await steps.run("list")
        for era in eras:
            await steps.run("portfolio", era)
            if era == 3:
                await steps.wait("decision", timedelta(days=30))

    async def portfolio(subject: str, era: int) -> None:
        diary.lines.append(f"portfolio {era}")

    async with open_engine(Workflow("desk", begun_earlier, {})) as engine:
        await engine.start("desk", "a")
        await until(lambda: diary.lines == ["begun"])
    async with open_engine(Workflow("desk", run, {"list": portfolio, "portfolio": portfolio})) as engine:
        await engine.send("desk", "a", "decision", "go", once="1")
        await until(lambda: len(diary.lines) == 2)
    assert diary.lines == ["begun", "portfolio 4"]
    assert recorded_steps(database_url, "desk:a") == ["list", "portfolio 3", "portfolio 4"]


def _answer(result: Any) -> Callable[[], Awaitable[Any]]:
    async def answer() -> Any:
        return result

    return answer


async def test_a_database_that_goes_away_ends_no_workflow(
    open_engine: OpenEngine, postgres: str, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    diary, gate = Diary(), asyncio.Event()

    async def wait_for_gate(subject: str) -> None:
        await gate.wait()
        diary.lines.append("1")

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("gate")
        for n in range(2, 6):
            await steps.run("write", str(n))

    async with open_engine(diary.workflow("patient", run, gate=wait_for_gate)) as engine:
        await engine.start("patient", "a")
        accept_connections(postgres, database_url, wanted=False)
        try:
            gate.set()
            await until(lambda: "Database connection failed" in caplog.text)
        finally:
            accept_connections(postgres, database_url, wanted=True)
        await until(lambda: len(diary.lines) >= 5)
    assert diary.lines == ["1", "2", "3", "4", "5"]


def accept_connections(postgres: str, database_url: str, *, wanted: bool) -> None:
    """Whether the test's database can be reached; connections that are open are cut where it cannot."""
    name = database_url.partition("?")[0].rsplit("/", 1)[1]
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(allow.format(sql.Identifier(name), sql.SQL(str(wanted).lower())))
        if not wanted:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


async def test_an_engine_at_rest_asks_the_database_nothing(open_engine: OpenEngine, database_url: str) -> None:
    """All that was left unfinished runs; then nobody polls, and what is started still runs at once."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def run(steps: Steps, subject: str) -> None:
        begun.set()
        await steps.wait("go", timedelta(hours=1))
        ended.set()

    async with open_engine(Workflow("waits", run, {})) as engine:
        await engine.start("waits", "one")
        await until(begun.is_set)
    begun.clear()
    async with open_engine(Workflow("waits", run, {})) as engine:
        await until(begun.is_set)  # taken up again
        await until(lambda: not any(thread.name.startswith("queue-worker") for thread in threading.enumerate()))
        begun.clear()
        await engine.start("waits", "another")
        await until(begun.is_set)
        await engine.send("waits", "another", "go", True, once="1")
        await until(ended.is_set)


async def test_an_engine_rests_at_once_where_nothing_was_left(open_engine: OpenEngine) -> None:
    async with open_engine():
        await until(lambda: "background-jobs" not in {thread.name for thread in threading.enumerate()})
        await until(lambda: not any(thread.name.startswith("queue-worker") for thread in threading.enumerate()))


async def test_what_died_between_cancelling_and_starting_anew_is_started_anew(
    open_engine: OpenEngine, database_url: str
) -> None:
    diary = Diary()

    async def old(steps: Steps, subject: str) -> None:
        await steps.run("write", "old")
        await steps.wait("decision", timedelta(days=30))

    async def new(steps: Steps, subject: str) -> None:
        await steps.run("write", "new")

    async with open_engine(diary.workflow("upgraded", old)) as engine:
        await engine.start("upgraded", "a")
        await until(lambda: diary.lines == ["old"])
    # As an engine leaves it that was killed between cancelling it and starting it anew.
    with psycopg.connect(database_url) as database:
        database.execute(
            """UPDATE dbos.workflow_status SET status = 'CANCELLED', attributes = '{"outdated": true}'
            WHERE workflow_uuid = 'upgraded:a'"""
        )
    async with open_engine(diary.workflow("upgraded", new), version="2"):
        await until(lambda: diary.lines == ["old", "new"])
