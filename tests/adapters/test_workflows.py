"""What every engine of `mercato.platform.Workflows` keeps, and a worker that is killed."""

import asyncio
import json
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mercato.platform import NotJson, Steps, UnknownStep, Workflow, WorkflowNotFound
from tests.adapters.conftest import Diary, OpenEngine, kill_and_go_on
from tests.support.waiting import until
from tests.support.workflow_records import ended_as, recorded_steps


async def test_steps_run_in_order_on_the_loop_that_opened_the_engine(open_engine: OpenEngine) -> None:
    diary = Diary()

    async def run(steps: Steps, subject: str) -> None:
        first = await steps.run("write", f"first {subject}", {"n": [1, None, "ä"]})
        await steps.run("write", f"second {json.dumps(first, ensure_ascii=False)}")

    async with open_engine(diary.workflow("two-steps", run)) as engine:
        await engine.start("two-steps", "a")
        await until(lambda: len(diary.lines) == 2)
    assert diary.lines == ["first a", 'second {"n": [1, null, "ä"]}']
    assert diary.loops == {asyncio.get_running_loop()}


async def test_a_step_gets_the_subject_and_its_arguments_as_json(open_engine: OpenEngine) -> None:
    got: list[Any] = []
    argument = {"text": "ä\n", "numbers": [0, -1, 2**60, 0.1], "nothing": None, "yes": True}

    async def keep(subject: str, *arguments: Any) -> Any:
        got.append((subject, arguments))
        arguments[0]["numbers"].append("a step's own copy")
        return arguments[0]

    async def run(steps: Steps, subject: str) -> None:
        got.append(await steps.run("keep", argument, [], "x"))

    async with open_engine(Workflow("keeper", run, {"keep": keep})) as engine:
        await engine.start("keeper", "a")
        await until(lambda: len(got) == 2)
    changed = {**argument, "numbers": [0, -1, 2**60, 0.1, "a step's own copy"]}
    assert got == [("a", (changed, [], "x")), changed]
    assert argument["numbers"] == [0, -1, 2**60, 0.1]


async def test_an_unknown_step_is_an_error_that_names_the_known_ones(open_engine: OpenEngine) -> None:
    diary = Diary()

    async def run(steps: Steps, subject: str) -> None:
        with pytest.raises(UnknownStep, match=r"The workflow lost has no step 'wriet'; it has write\."):
            await steps.run("wriet", "x")
        await steps.run("write", "went on")

    async with open_engine(diary.workflow("lost", run)) as engine:
        await engine.start("lost", "a")
        await until(lambda: diary.lines == ["went on"])


@pytest.mark.parametrize(
    "value", [(1, 2), {1: "x"}, {"x"}, b"x", float("nan"), datetime(2026, 1, 1), [{"x": (1,)}]], ids=repr
)
async def test_what_is_not_json_is_refused(open_engine: OpenEngine, value: Any) -> None:
    diary = Diary()

    async def run(steps: Steps, subject: str) -> None:
        with pytest.raises(NotJson, match="an argument of the step write is not JSON"):
            await steps.run("write", "x", value)
        await steps.run("write", "refused")

    async with open_engine(diary.workflow("chatter", run)) as engine:
        await engine.start("chatter", "a")
        await until(lambda: diary.lines == ["refused"])
        with pytest.raises(NotJson, match="the message on decision is not JSON"):
            await engine.send("chatter", "a", "decision", value, once="x")


async def test_a_result_that_is_not_json_is_no_result(open_engine: OpenEngine) -> None:
    diary = Diary()

    async def stumble(subject: str) -> Any:
        diary.lines.append("try")
        return ("a", "tuple") if len(diary.lines) == 1 else "done"

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("write", await steps.run("stumble"))

    async with open_engine(diary.workflow("result", run, stumble=stumble)) as engine:
        await engine.start("result", "a")
        await until(lambda: diary.lines[-1:] == ["done"])
    assert diary.lines == ["try", "try", "done"]


async def test_starting_twice_is_starting_once_also_at_the_same_moment(open_engine: OpenEngine) -> None:
    diary = Diary()

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("write", subject)

    async with open_engine(diary.workflow("once", run), diary.workflow("other", run)) as engine:
        await asyncio.gather(*(engine.start("once", "a") for _ in range(10)))
        await until(lambda: "a" in diary.lines)
        await engine.start("once", "a")
        # Another kind of work on the same subject is other work.
        await engine.start("other", "a")
        await until(lambda: len(diary.lines) == 2)
        await engine.start("once", "last")
        await until(lambda: "last" in diary.lines)
    assert diary.lines == ["a", "a", "last"]


async def test_a_message_is_delivered_once_also_when_it_was_sent_before_the_wait(open_engine: OpenEngine) -> None:
    diary, gate = Diary(), asyncio.Event()

    async def wait_for_gate(subject: str) -> None:
        await gate.wait()

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("gate")
        for n in range(3):
            message = await steps.wait("decision", timedelta(seconds=30 if n < 2 else 1))
            await steps.run("write", json.dumps(message))

    async with open_engine(diary.workflow("listener", run, gate=wait_for_gate)) as engine:
        await engine.start("listener", "a")
        for _ in range(3):
            await engine.send("listener", "a", "decision", {"yes": 1}, once="first")
        await engine.send("listener", "a", "weather", "rain", once="first")
        gate.set()
        await until(lambda: len(diary.lines) == 1)
        await engine.send("listener", "a", "decision", {"yes": 2}, once="second")
        await until(lambda: len(diary.lines) == 3)
        # It has ended: a late message disturbs nobody.
        await engine.send("listener", "a", "decision", {"yes": 3}, once="third")
    assert diary.lines == ['{"yes": 1}', '{"yes": 2}', "null"]


async def test_a_message_for_a_workflow_that_never_was_is_refused(open_engine: OpenEngine) -> None:
    async with open_engine() as engine:
        with pytest.raises(WorkflowNotFound):
            await engine.send("listener", "nobody", "decision", 1, once="x")


async def test_a_step_that_raises_is_tried_again_until_it_answers(open_engine: OpenEngine) -> None:
    diary = Diary()

    async def stumble(subject: str) -> str:
        diary.lines.append("try")
        if len(diary.lines) < 3:
            raise ConnectionError("the database is gone")
        return "done"

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("write", await steps.run("stumble"))

    async with open_engine(diary.workflow("stumbler", run, stumble=stumble)) as engine:
        await engine.start("stumbler", "a")
        await until(lambda: diary.lines[-1:] == ["done"])
    assert diary.lines == ["try", "try", "try", "done"]


async def test_closing_ends_the_current_step_and_the_next_opening_goes_on(open_engine: OpenEngine) -> None:
    diary, begun, gate = Diary(), asyncio.Event(), asyncio.Event()

    async def slow(subject: str) -> None:
        diary.lines.append("slow")
        begun.set()
        await gate.wait()

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("slow")
        await steps.run("write", "after")
        message = await steps.wait("decision", timedelta(days=30))
        await steps.run("write", f"got {message}")

    workflow = diary.workflow("long", run, slow=slow)
    async with open_engine(workflow) as engine:
        await engine.start("long", "a")
        await begun.wait()
        asyncio.get_running_loop().call_later(0.2, gate.set)
    assert diary.lines == ["slow"]
    async with open_engine(workflow):
        await until(lambda: "after" in diary.lines)
    async with open_engine(workflow) as engine:
        await engine.send("long", "a", "decision", "yes", once="1")
        await until(lambda: "got yes" in diary.lines)
    assert diary.lines == ["slow", "after", "got yes"]


async def test_what_another_version_left_is_started_anew(open_engine: OpenEngine, database_url: str) -> None:
    diary = Diary()

    async def old(steps: Steps, subject: str) -> None:
        await steps.run("write", "old")
        await steps.wait("decision", timedelta(days=30))

    async def new(steps: Steps, subject: str) -> None:
        await steps.run("write", "new")
        await steps.run("write", f"new {await steps.wait('decision', timedelta(days=30))}")

    async with open_engine(diary.workflow("upgraded", old)) as engine:
        await engine.start("upgraded", "a")
        await until(lambda: diary.lines == ["old"])
    async with open_engine(diary.workflow("upgraded", new), version="2") as engine:
        await until(lambda: "new" in diary.lines)
        await engine.send("upgraded", "a", "decision", "go", once="1")
        await until(lambda: "new go" in diary.lines)
        await engine.start("upgraded", "a")
    assert diary.lines == ["old", "new", "new go"]
    assert recorded_steps(database_url, "upgraded:a") == ['write "new"', 'write "new go"']


async def test_what_was_cancelled_stays_so_in_another_version(open_engine: OpenEngine, database_url: str) -> None:
    diary = Diary()

    async def old(steps: Steps, subject: str) -> None:
        await steps.run("write", f"old {subject}")
        await steps.wait("decision", timedelta(days=30))

    async def new(steps: Steps, subject: str) -> None:
        await steps.run("write", f"new {subject}")

    async with open_engine(diary.workflow("upgraded", old)) as engine:
        for subject in ("cancelled", "outdated"):
            await engine.start("upgraded", subject)
        await until(lambda: len(diary.lines) == 2)
        await engine.cancel("upgraded:cancelled")
    async with open_engine(diary.workflow("upgraded", new), version="2") as engine:
        await until(lambda: "new outdated" in diary.lines)
        assert ended_as(database_url, "upgraded:cancelled") == "cancelled"
        await engine.retry("upgraded:cancelled")
        await until(lambda: "new cancelled" in diary.lines)
    assert sorted(diary.lines[2:]) == ["new cancelled", "new outdated"]


async def test_a_failed_workflow_is_retried_behind_its_last_step(open_engine: OpenEngine, database_url: str) -> None:
    diary = Diary()
    is_mended = False

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("write", f"first {await steps.wait('decision', timedelta(days=30))}")
        if not is_mended:
            raise RuntimeError("the provider is away")
        await steps.run("write", "last")

    async with open_engine(diary.workflow("fails", run)) as engine:
        await engine.start("fails", "a")
        await engine.send("fails", "a", "decision", "go", once="1")
        await until(lambda: ended_as(database_url, "fails:a") == "failed")
        await engine.cancel("fails:a")  # it is over, and stays what it is
        assert ended_as(database_url, "fails:a") == "failed"
        is_mended = True
        await engine.retry("fails:a")
        await engine.retry("fails:a")
        await until(lambda: ended_as(database_url, "fails:a") == "done")
        await engine.retry("fails:a")
        await engine.retry("fails:nobody")
        await engine.cancel("fails:nobody")
    assert diary.lines == ["first go", "last"], "what had ended is not done again"


async def test_a_cancelled_workflow_ends_and_goes_on_when_it_is_retried(
    open_engine: OpenEngine, database_url: str
) -> None:
    diary = Diary()
    waits = threading.Event()

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("write", "first")
        waits.set()
        await steps.run("write", f"then {await steps.wait('decision', timedelta(days=30))}")

    async with open_engine(diary.workflow("patient", run)) as engine:
        await engine.start("patient", "a")
        await until(waits.is_set)
        await engine.cancel("patient:a")
        await until(lambda: ended_as(database_url, "patient:a") == "cancelled")
        await engine.start("patient", "a")
        assert ended_as(database_url, "patient:a") == "cancelled", "a start is no retry"
        await engine.retry("patient:a")
        await engine.send("patient", "a", "decision", "go", once="1")
        await until(lambda: ended_as(database_url, "patient:a") == "done")
    assert diary.lines == ["first", "then go"]


async def test_closing_does_not_wait_for_a_step_that_keeps_failing(open_engine: OpenEngine) -> None:
    diary = Diary()
    healthy = False

    async def ill(subject: str) -> None:
        diary.lines.append("try")
        if not healthy:
            raise ConnectionError

    async def run(steps: Steps, subject: str) -> None:
        await steps.run("ill")
        await steps.run("write", "well")

    workflow = diary.workflow("ill", run, ill=ill)
    async with open_engine(workflow) as engine:
        await engine.start("ill", "a")
        await until(lambda: len(diary.lines) > 1)
    healthy = True
    async with open_engine(workflow):
        await until(lambda: "well" in diary.lines)


async def test_many_wait_at_once_and_each_hears_its_own(open_engine: OpenEngine) -> None:
    diary = Diary()

    async def run(steps: Steps, subject: str) -> None:
        message = await steps.wait("decision", timedelta(days=30))
        await steps.run("write", f"{subject} {message}")

    async with open_engine(diary.workflow("waiter", run)) as engine:
        subjects = [str(n) for n in range(100)]
        await asyncio.gather(*(engine.start("waiter", subject) for subject in subjects))
        await asyncio.gather(*(engine.send("waiter", s, "decision", int(s), once="1") for s in subjects))
        await until(lambda: len(diary.lines) == 100)
    assert sorted(diary.lines) == sorted(f"{n} {n}" for n in range(100))


@pytest.mark.parametrize("moment", ["in 2", "after 2", "waiting", "in 4"])
async def test_a_killed_worker_goes_on_where_it_was(
    workflow_engine: str, database_url: str, tmp_path: Path, moment: str
) -> None:
    await kill_and_go_on(database_url, tmp_path, moment)
