"""Temporal beyond the suite of every engine: its server killed, several workers, two versions at work."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mercato.adapters.dbos_records import DbosRecords
from mercato.adapters.temporal_address import read_address
from mercato.adapters.workflows_temporal import TemporalWorkflows
from mercato.app.moving_workflows import move_unfinished
from mercato.platform import Database, Steps, WorkflowsAway, WorkflowsRefused
from tests.adapters.conftest import Diary, OpenEngine, kill_and_go_on
from tests.support.engines import elsewhere
from tests.support.ports import free_port
from tests.support.temporal import TemporalServer
from tests.support.waiting import until
from tests.support.workflow_records import ended_as, history_of, recorded_steps

pytestmark = pytest.mark.parametrize("workflow_engine", ["temporal"], indirect=True)


async def test_a_worker_killed_in_a_step_goes_on(workflow_engine: str, database_url: str, tmp_path: Path) -> None:
    """The one that `make test` runs."""
    await kill_and_go_on(database_url, tmp_path, "in 2")
    assert recorded_steps(database_url, "work:a") == [f'note "{n}"' for n in (1, 2, 3, 4)]


@pytest.mark.slow
async def test_a_server_that_is_killed_in_the_middle_loses_nothing(
    open_engine: OpenEngine, temporal_server: TemporalServer, database_url: str
) -> None:
    diary, gate = Diary(), asyncio.Event()

    async def wait_for_gate(subject: str) -> None:
        diary.lines.append("1")
        await gate.wait()

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("gate")
        await steps.run("write", f"2 {await steps.wait('decision', timedelta(days=30))}")
        for n in (3, 4):
            await steps.run("write", str(n))

    async with open_engine(diary.workflow("patient", run, gate=wait_for_gate)) as engine:
        await engine.start("patient", "a")
        await engine.send("patient", "a", "decision", "go", once="1")
        await until(lambda: diary.lines == ["1"])
        temporal_server.kill()
        try:
            gate.set()
            for asked in (engine.start("patient", "b"), engine.cancel("patient:a"), engine.retry("patient:a")):
                with pytest.raises(WorkflowsAway):
                    await asked
        finally:
            temporal_server.start()
        await until(lambda: ended_as(database_url, "patient:a") == "done")
    # The end of the step could not be handed over while nobody was there to take it.
    assert diary.lines in (["1", "2 go", "3", "4"], ["1", "1", "2 go", "3", "4"])
    assert recorded_steps(database_url, "patient:a") == ["gate", 'write "2 go"', 'write "3"', 'write "4"']


@pytest.mark.slow
async def test_an_engine_opened_while_the_server_is_away_works_once_it_is_there(
    open_engine: OpenEngine, temporal_server: TemporalServer
) -> None:
    diary = Diary()

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("write", subject)

    temporal_server.kill()
    try:
        async with open_engine(diary.workflow("late", run)) as engine:
            with pytest.raises(WorkflowsAway):
                await engine.start("late", "a")
            temporal_server.start()
            await engine.start("late", "a")
            await until(lambda: diary.lines == ["a"])
    finally:
        temporal_server.kill()
        temporal_server.start()


@pytest.mark.slow
async def test_two_versions_work_side_by_side(open_engine: OpenEngine, database_url: str) -> None:
    """While a worker of the old version is there, its workflows stay with it; messages of both arrive."""
    old, new = Diary(), Diary()

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("write", f"first {subject}")
        await steps.run("write", f"{await steps.wait('decision', timedelta(days=30))} {subject}")

    async with open_engine(old.workflow("work", run), executor="old") as before:
        await before.start("work", "a")
        await until(lambda: old.lines == ["first a"])
        async with open_engine(new.workflow("work", run), executor="new", version="2") as after:
            await after.start("work", "b")
            await until(lambda: new.lines == ["first b"])
            await after.send("work", "a", "decision", "go", once="1")
            await before.send("work", "b", "decision", "go", once="1")
            await until(lambda: ended_as(database_url, "work:a") == ended_as(database_url, "work:b") == "done")
    assert old.lines == ["first a", "go a"]
    assert new.lines == ["first b", "go b"]


@pytest.mark.slow
async def test_what_is_started_anew_has_its_messages(open_engine: OpenEngine) -> None:
    diary, gate = Diary(), asyncio.Event()

    async def wait_for_gate(subject: str) -> None:
        await gate.wait()

    async def old(steps: Steps, subject: str) -> None:
        await steps.run("write", "old")
        await steps.run("gate")

    async def new(steps: Steps, subject: str) -> None:
        await steps.run("write", f"new {await steps.wait('decision', timedelta(days=30))}")

    async with open_engine(diary.workflow("upgraded", old, gate=wait_for_gate)) as engine:
        await engine.start("upgraded", "a")
        await until(lambda: diary.lines == ["old"])
        await engine.send("upgraded", "a", "decision", "go", once="1")
    async with open_engine(diary.workflow("upgraded", new), version="2") as engine:
        await engine.send("upgraded", "a", "decision", "go", once="1")
        await until(lambda: diary.lines == ["old", "new go"])


@pytest.mark.slow
async def test_what_postgresql_had_under_way_goes_on_in_temporal(
    open_engine: OpenEngine, database: Database, database_url: str
) -> None:
    diary = Diary()

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("write", f"began {subject}")
        if subject == "waits":
            await steps.wait("decision", timedelta(days=30))
        await steps.run("write", f"ended {subject}")

    workflow = diary.workflow("work", run)
    with elsewhere():
        async with open_engine(workflow) as engine:
            for subject in ("waits", "done"):
                await engine.start("work", subject)
            await until(lambda: ended_as(database_url, "work:done") == "done")
            await until(lambda: "began waits" in diary.lines)
    diary.lines.clear()
    async with open_engine(workflow) as engine:
        for _ in range(2):  # at each start of a worker
            await move_unfinished(database, engine)
        await engine.send("work", "waits", "decision", "go", once="1")
        await until(lambda: ended_as(database_url, "work:waits") == "done")
        assert ended_as(database_url, "work:done") is None, "what has ended stays where it is"
    with elsewhere():
        assert ended_as(database_url, "work:waits") == "cancelled"
    assert diary.lines == ["began waits", "ended waits"]


@pytest.mark.slow
async def test_what_cannot_be_moved_is_left_and_said_and_holds_up_no_other(
    open_engine: OpenEngine, database: Database
) -> None:
    diary = Diary()

    async def run(steps: Steps, subject: str) -> None:
        await steps.wait("decision", timedelta(days=30))
        await steps.run("write", subject)

    workflow = diary.workflow("work", run)
    too_long = "x" * 1100  # Temporal takes ids of up to 1,000 characters
    with elsewhere():
        async with open_engine(workflow) as engine:
            for subject in ("first", too_long, "last"):
                await engine.start("work", subject)
            assert len(await DbosRecords(database).unfinished()) == 3
    async with open_engine(workflow) as engine:
        with capture_logs() as logged:
            found = await move_unfinished(database, engine)
        assert (found.moved, found.left) == (["work:first", "work:last"], [f"work:{too_long}"])
        assert logged[-1]["event"].startswith("workflows are left in PostgreSQL")
        assert (logged[-1]["moved"], logged[-1]["left"]) == (2, [f"work:{too_long}"])
        again = await move_unfinished(database, engine)
        assert (again.moved, again.left) == ([], [f"work:{too_long}"])
        for subject in ("first", "last"):
            await engine.send("work", subject, "decision", "go", once="1")
        await until(lambda: sorted(diary.lines) == ["first", "last"])


@pytest.mark.slow
async def test_a_step_that_fails_says_nothing_of_its_causes_outside(open_engine: OpenEngine) -> None:
    diary = Diary()

    async def stumble(subject: str) -> None:
        diary.lines.append("try")
        if len(diary.lines) == 1:
            try:
                raise ValueError("ada@example.org is in the cause")
            except ValueError as cause:
                raise ConnectionError("the database is gone") from cause

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("stumble")
        await steps.run("write", "done")

    async with open_engine(diary.workflow("stumbler", run, stumble=stumble)) as engine:
        await engine.start("stumbler", "a")
        await until(lambda: diary.lines[-1:] == ["done"])
    assert "ada@example.org" not in history_of("stumbler:a")


@pytest.mark.slow
async def test_a_namespace_that_is_missing_is_said_and_a_server_that_is_away_too(
    workflow_engine: str, temporal_server: TemporalServer
) -> None:
    for url, error in (
        (temporal_server.url("nowhere"), WorkflowsRefused),
        (f"temporal://127.0.0.1:{free_port()}/default", WorkflowsAway),
    ):
        engine = TemporalWorkflows(read_address(url), [], executor="test", version="1", close_within_seconds=1)
        with pytest.raises(error, match="Temporal at"):
            await engine.start("work", "a")
        with pytest.raises(error, match="Temporal at"):
            await engine.send("work", "a", "decision", "go", once="1")
