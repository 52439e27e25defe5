"""Runs on RunPod from asking to their end: one job a run whatever dies, claims, deadlines, ends that stay."""

import contextlib
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mercato.platform import Database, Outbox, SystemClock
from mercato.training import RunNotFound, claim_run, end_overdue
from mercato.training.models import Run
from mercato.training.refusals import ClaimLinkRefused, ClaimRefused
from tests.conftest import TestClock
from tests.fakes.runpod import fake_runpod
from tests.fakes.runpod_cloud import FakeRunPod
from tests.support.waiting import until
from tests.training.conftest import Trainer, claims_of_test, runpod_in, worker
from tests.training.scripts import GOOD
from tests.training.test_runpod_provider import packed

STEP = '{"event": "progress", "step": 1, "metrics": {"loss": 0.5}}\n'
DONE = '{"event": "done", "metrics": {"ic": 0.03}, "artifacts": []}\n'


@dataclass
class Cloud:
    """A cloud, and workers of the marketplace that know it."""

    fake: FakeRunPod
    trainer: Trainer
    database: Database
    database_url: str
    folder: Path

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[Any]:
        settings = {
            "jobs_url": self.fake.jobs_url,
            "rest_url": self.fake.rest_url,
            "endpoint": self.fake.queue_endpoint,
        }
        async with worker(self.database_url, self.folder, RUNPOD=json.dumps(settings)) as process:
            yield process

    async def start(self, **spec: Any) -> str:
        return await self.trainer.start(GOOD, provider="runpod", **spec)

    async def claim(self, run_id: str, job: str) -> None:
        async with self.database.transaction() as session:
            await claim_run(session, run_id, self.fake.queue_endpoint, job)

    async def begun(self, run_id: str) -> None:
        await self.trainer.until(run_id, lambda seen: seen.run.handle is not None)

    def succeed(self) -> None:
        """What a worker that takes the only job posts."""
        assert self.fake.take("w1") is not None
        log = {"place": 0, "text": STEP + DONE}
        self.fake.done(self.fake.job().id, {"output": {"metrics": {}, "artifacts": [packed()], "log": log}})


@pytest.fixture
def cloud(trainer: Trainer, database: Database, database_url: str, tmp_path: Path) -> Iterator[Cloud]:
    """A vendor whose marketplace trains on RunPod."""
    with fake_runpod() as fake:
        trainer.runpod = runpod_in(tmp_path, fake.jobs_url, fake.rest_url, fake.queue_endpoint)
        yield Cloud(fake, trainer, database, database_url, tmp_path)


async def test_a_run_is_watched_to_its_model(cloud: Cloud) -> None:
    run_id = await cloud.start()
    async with cloud.watched():
        seen = await cloud.trainer.until(run_id, lambda seen: "No capacity" in seen.run.why)
        assert seen.run.state == "queued"
        cloud.succeed()
        seen = await cloud.trainer.ended(run_id)
    assert (seen.run.state, seen.run.metrics, seen.run.exit_code) == ("succeeded", {"ic": 0.03}, 0), seen.run.why
    assert seen.run.environment["provider"] == "runpod"
    assert [(step.step, step.metrics) for step in seen.steps] == [(1, {"loss": 0.5})]
    assert seen.run.cost_nanos == seen.run.milliseconds * 1_000_000
    (model,) = seen.artifacts
    assert (model.name, model.kind) == ("model.txt", "lightgbm")


@pytest.mark.slow
async def test_a_worker_killed_in_the_middle_of_its_launch_leaves_one_job_that_claims_its_run(cloud: Cloud) -> None:
    run_id = await cloud.start()
    async with cloud.watched() as first:
        cloud.fake.on_run = lambda: os.kill(first.pid, signal.SIGKILL)
        assert await first.wait() == -signal.SIGKILL
    assert len(cloud.fake.jobs) == 1
    async with cloud.watched():
        await cloud.trainer.until(run_id, lambda seen: "waits for its job to claim it" in seen.run.why)
        await cloud.claim(run_id, cloud.fake.job().id)
        cloud.succeed()
        seen = await cloud.trainer.ended(run_id)
    assert (seen.run.state, len(seen.artifacts)) == ("succeeded", 1), seen.run.why
    assert seen.run.environment["provider"] == "runpod"
    assert cloud.fake.asks("run") == 1


@pytest.mark.slow
async def test_an_answer_that_is_lost_leaves_one_job_that_claims_its_run(cloud: Cloud) -> None:
    cloud.fake.lost_answers = 1
    run_id = await cloud.start()
    async with cloud.watched():
        await cloud.trainer.until(run_id, lambda seen: "claim" in seen.run.why)
        await cloud.claim(run_id, cloud.fake.job().id)
        cloud.succeed()
        assert (await cloud.trainer.ended(run_id)).run.state == "succeeded"
    assert cloud.fake.asks("run") == 1


@pytest.mark.slow
async def test_a_run_that_may_not_begin_now_waits_and_one_that_may_never_fails(cloud: Cloud) -> None:
    cloud.fake.answers["run"] = [(429, {"retry-after": "1"}, None), (429, {"retry-after": "1"}, None)]
    run_id = await cloud.start()
    async with cloud.watched():
        await cloud.trainer.until(run_id, lambda seen: "(429)" in seen.run.why)
        await cloud.begun(run_id)
        cloud.succeed()
        assert (await cloud.trainer.ended(run_id)).run.state == "succeeded"
        cloud.fake.answers["run"] = [(402, {}, {"error": "insufficient balance"})]
        poor = await cloud.start()
        seen = await cloud.trainer.ended(poor)
    assert (seen.run.state, "no balance left" in seen.run.why) == ("failed", True)
    assert cloud.fake.asks("run") == 4


@pytest.mark.slow
async def test_a_job_that_nobody_takes_up_is_ended_in_time_and_cancelled_for_good(cloud: Cloud) -> None:
    run_id = await cloud.start()
    async with cloud.watched():
        await cloud.begun(run_id)
        async with cloud.database.transaction() as session:
            run = await session.get(Run, run_id)
            assert run is not None
            run.deadline_at = SystemClock().now() - timedelta(seconds=1)
        async with cloud.database.transaction() as session:
            assert await end_overdue(session, SystemClock(), Outbox(SystemClock())) == 1
        await until(lambda: cloud.fake.job().status == "CANCELLED")
        seen = await cloud.trainer.look(run_id)
        assert (seen.run.state, "start it again" in seen.run.why) == ("failed", True)
        # What a worker says afterwards changes nothing.
        cloud.fake.job().status, cloud.fake.job().output = "COMPLETED", {"artifacts": [packed()]}
        with pytest.raises(ClaimRefused, match="is over"):
            await cloud.claim(run_id, cloud.fake.job().id)
    assert (await cloud.trainer.look(run_id)).run.state == "failed"


async def test_a_lost_job_fails_its_run_and_a_budget_used_up_stops_it(cloud: Cloud) -> None:
    run_id = await cloud.start()
    async with cloud.watched():
        await cloud.begun(run_id)
        cloud.fake.jobs.clear()
        seen = await cloud.trainer.ended(run_id)
        assert (seen.run.state, "knows its job no more" in seen.run.why) == ("failed", True)
        poor = await cloud.start(max_cost_nanos=2_000_000_000)
        await cloud.begun(poor)
        job = cloud.fake.job()
        assert (job.input["seconds"], job.policy["executionTimeout"]) == (2, 5000)
        assert cloud.fake.take("w1") is not None
        cloud.fake.done(job.id, {"error": "It took longer than its 2 s and was ended."})
        seen = await cloud.trainer.ended(poor)
    assert (seen.run.state, seen.run.why) == ("stopped", "Its budget was used up after 2 s.")


@pytest.mark.slow
async def test_a_run_is_stopped_while_it_waits_for_its_lost_job(cloud: Cloud) -> None:
    cloud.fake.lost_answers = 1
    run_id = await cloud.start()
    async with cloud.watched():
        await cloud.trainer.until(run_id, lambda seen: "claim" in seen.run.why)
        await cloud.trainer.stop(run_id)
        assert (await cloud.trainer.ended(run_id)).run.state == "stopped"
    with pytest.raises(ClaimRefused):
        await cloud.claim(run_id, cloud.fake.job().id)


async def test_a_claim_is_the_first_jobs_and_only_by_a_link_of_ours(cloud: Cloud, clock: TestClock) -> None:
    run_id = await cloud.start()
    with pytest.raises(ClaimRefused):
        await cloud.claim(run_id, "job-1")  # nobody launches it yet
    async with cloud.database.transaction() as session:
        run = await session.get(Run, run_id)
        assert run is not None
        run.launching_at = clock.now()
    await cloud.claim(run_id, "job-1")
    await cloud.claim(run_id, "job-1")
    for wrong in ("job-2", "../job", ""):
        with pytest.raises(ClaimRefused):
            await cloud.claim(run_id, wrong)
    with pytest.raises(RunNotFound):
        await cloud.claim("trn_unknown", "job-1")
    assert (await cloud.trainer.look(run_id)).run.handle == f"{cloud.fake.queue_endpoint}/job-1"
    links = claims_of_test()
    answer = dict(each.split("=") for each in links.sign(run_id, "q1", timedelta(hours=1)).partition("?")[2].split("&"))
    links.check(run_id, "q1", answer["expires"], answer["signature"])
    late = str(int(answer["expires"]) + 1)
    for other, place, expires in (
        (run_id, "q2", answer["expires"]),
        ("trn_2", "q1", answer["expires"]),
        (run_id, "q1", late),
    ):
        with pytest.raises(ClaimLinkRefused):
            links.check(other, place, expires, answer["signature"])
    spent = dict(each.split("=") for each in links.sign(run_id, "q1", timedelta(0)).partition("?")[2].split("&"))
    with pytest.raises(ClaimLinkRefused, match="has expired"):
        links.check(run_id, "q1", spent["expires"], spent["signature"])
