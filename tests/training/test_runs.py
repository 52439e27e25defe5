"""Runs from asking to their end: recorded, followed, stopped, over budget, and never twice though the worker dies."""

import asyncio
import base64
import hashlib
import io
import signal
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from mercato.identity import Caller
from mercato.platform import Database, Outbox, SystemClock
from mercato.platform.outbox import OutboxRow
from mercato.training import RunNotFound, end_overdue
from mercato.training.models import Run
from mercato.training.refusals import BudgetTooSmall, CodeRefused, ProviderMissing
from mercato_contracts.training import TrainingSpec
from tests.conftest import People, TestClock
from tests.support.waiting import SECONDS
from tests.support.workflow_records import recorded_steps
from tests.training.conftest import Trainer, worker
from tests.training.scripts import GOOD, encoded

SLEEPY = "import time\ndef train(*_):\n    print('begun', flush=True)\n    time.sleep(600)\n"
SLOW = """
import time
def train(spec, data, out, report):
    print("begun", flush=True)
    for step in range(8):
        time.sleep(0.5)
        report(step, {"loss": 1.0})
    (out / "model.txt").write_text("tree\\nversion=v4\\n")
    return {}
"""


async def test_a_run_records_what_it_was_what_it_said_and_what_it_left(
    trainer: Trainer, database_url: str, database: Database, tmp_path: Path
) -> None:
    run_id = await trainer.start(GOOD)
    assert (await trainer.look(run_id)).run.state == "queued"
    async with worker(database_url, tmp_path):
        seen = await trainer.ended(run_id)
        async with asyncio.timeout(60):
            while (tmp_path / "runs" / run_id).exists():
                await asyncio.sleep(0.05)
    run = seen.run
    assert (run.state, run.why, run.exit_code) == ("succeeded", "", 0), await trainer.said(run_id)
    assert run.code_sha256 == trainer.sent
    assert (run.spec["seed"], run.spec["hyperparameters"], run.metrics) == (7, {"rate": 0.1}, {"ic": 0.03})
    assert run.environment["provider"] == "local"
    assert [(step.step, step.metrics["loss"]) for step in seen.steps][4] == (5, 0.2)
    assert run.cost_nanos == run.milliseconds * 1_000_000
    (model,) = seen.artifacts
    assert (model.name, model.kind) == ("model.txt", "lightgbm")
    assert model.sha256 == hashlib.sha256(b"tree\nversion=v4\nnum_class=1\n").hexdigest()
    said = await trainer.said(run_id)
    assert said.count("seed 7") == 1
    async with database.transaction() as session:
        answer = await session.scalars(select(OutboxRow.payload).where(OutboxRow.topic == "training.ended"))
        assert [payload["state"] for payload in answer] == ["succeeded"]


_SLOW_MOMENTS = ("after launch", "in watch 0", "in collect", "after collect", "in clear")


@pytest.mark.parametrize(
    "moment", ["in launch", *(pytest.param(moment, marks=pytest.mark.slow) for moment in _SLOW_MOMENTS)]
)
async def test_a_run_goes_on_though_its_worker_is_killed_and_runs_once(
    workflow_engine: str, trainer: Trainer, database_url: str, tmp_path: Path, moment: str
) -> None:
    run_id = await trainer.start(SLOW)
    async with worker(database_url, tmp_path, moment) as first:
        async with asyncio.timeout(SECONDS):
            assert await first.wait() == -signal.SIGKILL
    async with worker(database_url, tmp_path):
        seen = await trainer.ended(run_id)
    assert seen.run.state == "succeeded", seen.run.why
    assert (await trainer.said(run_id)).count("begun") == 1
    assert len(seen.steps) == 8
    assert recorded_steps(database_url, f"train:{run_id}")[:2] == ["launch", "watch 0"]


@pytest.mark.slow
async def test_a_worker_killed_in_the_middle_of_a_run_is_followed_by_one_that_watches_on(
    workflow_engine: str, trainer: Trainer, database_url: str, tmp_path: Path
) -> None:
    run_id = await trainer.start(SLOW)
    async with worker(database_url, tmp_path) as first:
        await trainer.until_said(run_id, "begun")
        first.kill()
        await first.wait()
    async with worker(database_url, tmp_path):
        seen = await trainer.ended(run_id)
    assert seen.run.state == "succeeded", seen.run.why
    said = await trainer.said(run_id)
    assert [said.count(f'"step": {n},') for n in range(8)] == [1] * 8, "nothing is said twice and nothing is missing"
    assert len(seen.artifacts) == 1


async def test_runs_are_stopped_and_a_budget_stops_hard_and_a_pickle_is_refused(
    trainer: Trainer, database_url: str, tmp_path: Path
) -> None:
    stopped = await trainer.start(SLEEPY)
    # A second costs a milliard of nano-dollars.
    poor = await trainer.start(SLEEPY, max_cost_nanos=2_000_000_000)
    pickled = await trainer.start(
        "import pickle\ndef train(s, d, out, r):\n    (out / 'model.txt').write_bytes(pickle.dumps(1))\n    return {}\n"
    )
    broken = await trainer.start("def train(*_):\n    raise ValueError('no data')\n")
    async with worker(database_url, tmp_path):
        await trainer.until_said(stopped, "begun")
        await trainer.stop(stopped)
        ends = {run_id: (await trainer.ended(run_id)).run for run_id in (stopped, poor, pickled, broken)}
    assert (ends[stopped].state, ends[stopped].why) == ("stopped", "It was stopped.")
    assert (ends[poor].state, ends[poor].why) == ("stopped", "Its budget was used up after 2 s.")
    assert ends[poor].cost_nanos >= 2_000_000_000
    assert ends[pickled].state == "failed"
    assert "pickle" in ends[pickled].why
    assert (ends[broken].state, ends[broken].exit_code) == ("failed", 1)
    assert "ValueError: no data" in await trainer.said(broken)


async def test_an_end_is_never_taken_back(trainer: Trainer, database: Database, clock: TestClock) -> None:
    run_id = await trainer.start(SLEEPY)
    async with database.transaction() as session:
        run = await session.get(Run, run_id)
        assert run is not None
        run.deadline_at = SystemClock().now() - timedelta(seconds=1)
    async with database.transaction() as session:
        assert await end_overdue(session, SystemClock(), Outbox(clock)) == 1
    async with database.transaction() as session:
        assert await end_overdue(session, SystemClock(), Outbox(clock)) == 0
    seen = (await trainer.look(run_id)).run
    assert (seen.state, "start it again" in seen.why) == ("failed", True)
    await trainer.stop(run_id)
    assert (await trainer.look(run_id)).run.state == "failed"


async def test_what_cannot_be_run_is_refused_before_it_is_stored(trainer: Trainer) -> None:
    def held(name: str, attributes: int = 0) -> str:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("train.py", "")
            info = zipfile.ZipInfo(name)
            info.external_attr = attributes << 16
            archive.writestr(info, "x")
        return base64.b64encode(buffer.getvalue()).decode()

    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.py", b"0" * (65 * 1024 * 1024))
    no_script = io.BytesIO()
    with zipfile.ZipFile(no_script, "w") as archive:
        archive.writestr("other.py", "")
    for code in (
        "%%%", "", base64.b64encode(b"no zip").decode(), held("../evil.py"), held("/etc/evil"), held("a\\..\\b"),
        held("link", 0o120777), base64.b64encode(bomb.getvalue()).decode(),
        base64.b64encode(no_script.getvalue()).decode(),
    ):  # fmt: skip
        with pytest.raises(CodeRefused):
            async with trainer.database.transaction() as session:
                await trainer.desk(session).start(trainer.caller, TrainingSpec(task="test"), code)
    for wrong, refusal in (
        (TrainingSpec(task="test", max_cost_nanos=999_999_999), BudgetTooSmall),
        (TrainingSpec(task="test", provider="runpod"), ProviderMissing),
        (TrainingSpec(task="test", gpu="H100"), ProviderMissing),
    ):
        with pytest.raises(refusal):
            async with trainer.database.transaction() as session:
                await trainer.desk(session).start(trainer.caller, wrong, encoded(GOOD))


async def test_another_organisations_runs_are_not_there(trainer: Trainer, people: People) -> None:
    run_id = await trainer.start(GOOD)
    mine, trainer.caller = trainer.caller, await people.join("globex")
    other: Caller = trainer.caller
    for act in (trainer.look, trainer.stop, trainer.said):
        with pytest.raises(RunNotFound):
            await act(run_id)
    async with trainer.database.transaction() as session:
        assert await trainer.desk(session).list_all(other, before=None, limit=10) == []
        assert [run.id for run in await trainer.desk(session).list_all(mine, before=None, limit=10)] == [run_id]
