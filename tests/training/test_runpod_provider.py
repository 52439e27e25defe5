"""RunPod as a provider, against a faithful fake: what a job is given, why it waits, how it ends, what goes wrong."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mercato.adapters.training_runpod import Place, RunPodClient, RunPodProvider, read_places
from mercato.platform import MarketplaceSecret, SystemClock
from mercato.training import ClaimLinks, Job, LaunchUncertain, ProviderRefused, ProviderUnavailable, StoredFile
from mercato_contracts.training import TrainingSpec
from tests.fakes.runpod import API_KEY, fake_runpod
from tests.fakes.runpod_cloud import FakeRunPod
from tests.training.conftest import store_in

MODEL = b"tree\nversion=v4\nnum_class=1\n"


@dataclass
class Cloud:
    """The fake and a provider of it."""

    fake: FakeRunPod
    provider: RunPodProvider

    async def launch(self, **spec: Any) -> str:
        stored = (StoredFile("code.zip", "training/trn_1/code.zip", "0" * 64),)
        wanted = TrainingSpec.model_validate({"task": "test", "provider": "runpod"} | spec)
        return await self.provider.launch(Job("trn_1", wanted, b"", None, 60, stored))

    def answer(self, **fields: Any) -> None:
        """What the worker of the only job posts."""
        self.fake.done(self.fake.job().id, fields)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A fake cloud, and a provider that does not pause."""
    with fake_runpod() as fake:
        client = RunPodClient(API_KEY, jobs_url=fake.jobs_url, rest_url=fake.rest_url)
        places = {"cpu": Place(fake.queue_endpoint, 200_000_000), "gone": Place("nowhere", 1)}
        claims = ClaimLinks(MarketplaceSecret.of(b"k" * 32), "http://127.0.0.1:9", SystemClock())
        provider = RunPodProvider(client, places, store_in(tmp_path), claims, look_seconds=0.01, why_seconds=0)
        yield Cloud(fake, provider)


def packed(left: bytes = MODEL, **change: Any) -> dict[str, Any]:
    file = {"name": "model.txt", "bytes": len(left), "sha256": hashlib.sha256(left).hexdigest()}
    return {**file, "content": base64.b64encode(left).decode()} | change


def said(place: int, text: str) -> dict[str, Any]:
    return {"place": place, "text": text, "elapsed_ms": 7}


async def test_a_job_is_given_links_limits_and_no_secret(cloud: Cloud) -> None:
    handle = await cloud.launch()
    (body,) = cloud.fake.bodies
    assert handle == f"{cloud.fake.queue_endpoint}/{cloud.fake.job().id}"
    assert body["policy"] == {"executionTimeout": 60_000, "ttl": (35 * 60 + 60 + 600) * 1000}
    assert set(body["input"]) == {"spec", "seconds", "code", "data", "claim"}
    assert "signature=" in body["input"]["code"]["url"]
    assert "/api/training/runs/trn_1/claim?" in body["input"]["claim"]
    assert API_KEY not in json.dumps(body)


async def test_a_job_goes_from_the_queue_to_its_files(cloud: Cloud, tmp_path: Path) -> None:
    handle = await cloud.launch()
    assert (await cloud.provider.look(handle, 0)).state == "waiting"
    assert cloud.fake.take("w1") is not None
    cloud.answer(status="IN_PROGRESS", output=said(0, "one\n"))
    look = await cloud.provider.look(handle, 0)
    assert (look.state, look.log, look.log_next) == ("running", "one\n", 4)
    cloud.answer(output={"metrics": {}, "artifacts": [packed()], "log": said(0, "one\ntwo\n")})
    look = await cloud.provider.look(handle, 4)
    assert look.state == "succeeded"
    assert look.log == "two\n"
    assert look.log_next == 8
    assert look.exit_code == 0
    (file,) = await cloud.provider.collect(handle, tmp_path, 1000)
    assert file.read_bytes() == MODEL
    await cloud.provider.forget(handle)
    assert (await cloud.provider.look(handle, 8)).state == "succeeded", "what has ended stays as it ended"


async def test_progress_that_comes_out_of_order_says_nothing_new_and_gaps_are_told(cloud: Cloud) -> None:
    handle = await cloud.launch()
    cloud.fake.take("w1")
    cloud.answer(status="IN_PROGRESS", output=said(0, "one\ntwo\n"))
    assert (await cloud.provider.look(handle, 0)).log_next == 8
    cloud.answer(status="IN_PROGRESS", output=said(0, "one\n"))
    look = await cloud.provider.look(handle, 8)
    assert (look.state, look.log, look.log_next) == ("running", "", 8)
    cloud.answer(status="IN_PROGRESS", output=said(10, "four\n"))
    look = await cloud.provider.look(handle, 8)
    assert (look.log, look.log_next) == ("[2 characters in between were not kept]\nfour\n", 15)
    cloud.answer(status="IN_PROGRESS", output="somebody else's progress")
    assert (await cloud.provider.look(handle, 15)).log_next == 15


@pytest.mark.parametrize(
    ("workers", "why"),
    [
        ([], "No capacity: RunPod has no worker for it yet; 1 jobs are queued."),
        (["THROTTLED", "THROTTLED"], "Throttled: all 2 of its workers wait"),
        (["INITIALIZING"], "Cold start: 1 of its workers load their image"),
        (["RUNNING", "RUNNING"], "All 2 of its workers run other jobs"),
        (["UNHEALTHY"], "Crash loop: 1 of its workers fail or die at once. Its last lines: no CUDA | dying"),
        (["IDLE"], "is taken up soon"),
    ],
)
async def test_why_it_waits_is_said(cloud: Cloud, workers: list[str], why: str) -> None:
    handle = await cloud.launch()
    cloud.fake.workers = [{"id": f"w{n}", "status": state} for n, state in enumerate(workers)]
    cloud.fake.worker_lines = [*(f"line {n}" for n in range(9)), "no CUDA", "dying"]
    look = await cloud.provider.look(handle, 0)
    assert look.state == "waiting"
    assert why.partition("no CUDA")[0][:40] in look.why
    assert why.rpartition(": ")[2] in look.why


async def test_why_it_waits_is_asked_rarely_and_not_to_know_it_is_no_end(cloud: Cloud, tmp_path: Path) -> None:
    cloud.fake.answers["health"] = [(500, {}, {"error": "broken"})]
    handle = await cloud.launch()
    assert "the reason is not known" in (await cloud.provider.look(handle, 0)).why
    cloud.fake.answers["workers"] = [(429, {"retry-after": "30"}, {"title": "Too Many Requests", "status": 429})]
    assert "No capacity" in (await cloud.provider.look(handle, 0)).why
    assert "No capacity" in (await cloud.provider.look(handle, 0)).why
    assert cloud.fake.asks("workers") == 1, "not asked again before Retry-After has passed"


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [
        ((422, {}, {"title": "Unprocessable Entity", "detail": "bad policy", "errors": ["$.policy: no"]}),
         ProviderRefused, r"422.*bad policy; \$\.policy: no"),
        ((402, {}, {"error": "insufficient balance"}), ProviderRefused, "no balance left .402.: insufficient"),
        ((401, {}, {"error": f"bad key {API_KEY}"}), ProviderRefused, "does not take this marketplace's key"),
        ((404, {}, {"error": "endpoint not found"}), ProviderRefused, "no such endpoint"),
        ((429, {"retry-after": "17"}, {"error": "slow down"}), ProviderUnavailable, "wait 17 s"),
        ((502, {}, {"error": "bad gateway"}), LaunchUncertain, "was 502"),
        ((200, {}, {"status": "IN_QUEUE"}), LaunchUncertain, "named no job"),
    ],
)  # fmt: skip
async def test_a_launch_that_fails_says_whether_it_may_be_tried_again(
    cloud: Cloud, answer: tuple[int, dict[str, str], Any], kind: type[Exception], text: str
) -> None:
    cloud.fake.answers["run"] = [answer]
    with pytest.raises(kind, match=text) as raised:
        await cloud.launch()
    assert API_KEY not in str(raised.value)
    assert cloud.fake.jobs == {}


async def test_after_429_nothing_is_sent_until_the_time_has_passed(cloud: Cloud) -> None:
    cloud.fake.answers["run"] = [(429, {"retry-after": "3600"}, None)]
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            await cloud.launch()
    assert cloud.fake.asks("run") == 1


async def test_after_the_time_that_429_named_it_goes_on(cloud: Cloud) -> None:
    cloud.fake.answers["run"] = [(429, {"retry-after": "0"}, None)]
    with pytest.raises(ProviderUnavailable):
        await cloud.launch()
    assert await cloud.launch()
    assert cloud.fake.asks("run") == 2


async def test_a_lost_answer_is_no_second_job(cloud: Cloud) -> None:
    cloud.fake.lost_answers = 1
    with pytest.raises(LaunchUncertain, match="it claims its run"):
        await cloud.launch()
    assert len(cloud.fake.jobs) == 1
    with pytest.raises(ProviderUnavailable, match="claim"):
        await cloud.provider.find("trn_1")


async def test_nobody_there_means_nothing_was_begun(cloud: Cloud, tmp_path: Path) -> None:
    client = RunPodClient(API_KEY, jobs_url="http://127.0.0.1:9/v2", rest_url="http://127.0.0.1:9/v2")
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        await client.run("any", {"input": {}})
    with pytest.raises(ProviderUnavailable):
        await client.status("any", "job")


@pytest.mark.parametrize("output", [None, {"log": {"place": 0, "text": "bye"}}, {"end": "unheard of"}])
async def test_a_worker_that_sends_no_end_is_understood_by_its_sentence(cloud: Cloud, output: Any) -> None:
    """Images of vendors carry the runner of the day they were built."""
    handle = await cloud.launch()
    cloud.fake.take("w1")
    cloud.answer(output=output, error="It took longer than its 60 s and was ended.")
    assert (await cloud.provider.look(handle, 0)).state == "timed_out"
    cloud.answer(output=output, error="Training failed: ValueError: no data")
    assert (await cloud.provider.look(handle, 0)).state == "failed"


async def test_ends_are_told_for_what_they_are(cloud: Cloud) -> None:
    handle = await cloud.launch()
    job = cloud.fake.job()
    cloud.fake.take("w1")
    cloud.answer(output={"log": said(0, "bye\n")}, error="Training failed: ValueError: no data")
    look = await cloud.provider.look(handle, 0)
    assert (look.state, look.why, look.log, look.exit_code) == (
        "failed", "Training failed: ValueError: no data", "bye\n", 1)  # fmt: skip
    cloud.answer(output={"end": "timed_out", "log": said(0, "bye\n")}, error="Its time is over.")
    assert (await cloud.provider.look(handle, 0)).state == "timed_out", "the field says it, whatever the sentence is"
    cloud.answer(output={"end": "failed"}, error="It took longer than its budget of patience.")
    assert (await cloud.provider.look(handle, 0)).state == "failed"
    job.error = json.dumps({"error_type": "<class 'MemoryError'>", "error_message": "", "error_traceback": "long"})
    assert "The worker failed: <class 'MemoryError'>" in (await cloud.provider.look(handle, 0)).why
    assert job.taken is not None
    job.status, job.ended = "TIMED_OUT", job.taken + 61
    look = await cloud.provider.look(handle, 0)
    assert (look.state, look.milliseconds) == ("timed_out", 61_000)
    job.taken = None
    assert (await cloud.provider.look(handle, 0)).state == "failed"
    job.status = "PAUSED"
    with pytest.raises(ProviderUnavailable, match="PAUSED"):
        await cloud.provider.look(handle, 0)
    cloud.fake.answers["status"] = [(503, {}, None), (401, {}, {"error": "unauthorized"})]
    for _ in range(2):
        with pytest.raises(ProviderUnavailable):
            await cloud.provider.look(handle, 0)


async def test_a_job_past_its_time_to_live_is_gone(cloud: Cloud, tmp_path: Path) -> None:
    handle = await cloud.launch()
    cloud.fake.job().policy["ttl"] = 0
    look = await cloud.provider.look(handle, 0)
    assert (look.state, "time to live" in look.why) == ("gone", True)
    await cloud.provider.stop(handle)
    with pytest.raises(ProviderRefused, match="result no more"):
        await cloud.provider.collect(handle, tmp_path, 1000)


async def test_stopping_cancels_in_the_queue_and_at_work(cloud: Cloud) -> None:
    handle = await cloud.launch()
    await cloud.provider.stop(handle)
    look = await cloud.provider.look(handle, 0)
    assert (look.state, look.why) == ("stopped", "It was stopped.")


@pytest.mark.parametrize(
    ("artifacts", "text"),
    [
        ([packed(sha256="0" * 64)], "damaged"),
        ([packed(content="%%%")], "not base64"),
        ([packed(name="../up")], "no plain file"),
        ([packed(name="a/b")], "no plain file"),
        ([packed(b"x" * 2000)], "at most 1000"),
        ([packed()] * 101, "101 files"),
        (["text"], "no plain file"),
        ("none", "result no more"),
    ],
)
async def test_what_a_worker_says_it_left_is_not_trusted(
    cloud: Cloud, tmp_path: Path, artifacts: Any, text: str
) -> None:
    handle = await cloud.launch()
    cloud.fake.take("w1")
    cloud.answer(output={"metrics": {}, "artifacts": artifacts})
    (tmp_path / "out").mkdir()
    with pytest.raises(ProviderRefused, match=text):
        await cloud.provider.collect(handle, tmp_path / "out", 1000)
    assert list(tmp_path.glob("*.txt")) == []


async def test_places_are_read_strictly(cloud: Cloud) -> None:
    assert read_places(" cpu=abc1@0.20, NVIDIA L4=def2@0.69 ") == {
        "cpu": Place("abc1", 200_000_000), "NVIDIA L4": Place("def2", 690_000_000)}  # fmt: skip
    assert read_places("") == {}
    for wrong in ("cpu", "cpu=abc", "cpu=abc@", "cpu=a/b@1", "cpu=a@-1", "cpu=a@1,cpu=b@1"):
        with pytest.raises(ValueError, match=r"GPU=ENDPOINT|named twice"):
            read_places(wrong)
    assert cloud.provider.nanos_per_hour(TrainingSpec(task="t")) == 200_000_000
    with pytest.raises(ProviderRefused, match=r"--gpu H100.*`cpu`"):
        cloud.provider.nanos_per_hour(TrainingSpec(task="t", gpu="H100"))
