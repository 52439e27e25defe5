"""`mp train --provider runpod` through a whole marketplace: code by signed links, a claim, progress, a model."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Mp
from tests.cli.test_train import SLEEPY, TRAIN, project
from tests.fakes.runpod import API_KEY, fake_runpod
from tests.fakes.runpod_cloud import FakeRunPod
from tests.support.running import Place, Running, open_folder
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

WORKER = Path(__file__).parents[1] / "training" / "runpod_worker.py"


@pytest.fixture(scope="module")
def cloud() -> Iterator[FakeRunPod]:
    """A cloud with no worker yet."""
    with fake_runpod() as fake:
        yield fake


@pytest.fixture(scope="module")
def vendor(cloud: FakeRunPod, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mp]:
    """A vendor of a marketplace that trains on RunPod: `cpu` at 0.20 dollars an hour, `L4` at 0.69."""
    with open_folder() as folder:
        place = Place(folder)
        place.environment |= {
            "MERCATO_RUNPOD_API_KEY": API_KEY,
            "MERCATO_RUNPOD_ENDPOINTS": f"cpu={cloud.queue_endpoint}@0.20,L4={cloud.queue_endpoint}@0.69",
            "MERCATO_RUNPOD_JOBS_URL": cloud.jobs_url,
            "MERCATO_RUNPOD_REST_URL": cloud.rest_url,
        }
        up = place.start("up", "--json")
        url = up.await_line()["control_url"]
        mp = Mp(tmp_path_factory.mktemp("trains"))
        joined = mp("signup", "trains", "--url", url, "--email", "trains@example.org", stdin="correct horse battery")
        assert joined.returncode == 0, joined.stderr
        key = mp("keys", "make", "--kind", "vk").stdout.strip()
        assert mp("login", "--url", url, "--token", "-", stdin=key).returncode == 0
        yield mp
        assert up.stop() == 0
        assert API_KEY not in up.err() + up.out()


def test_a_model_is_trained_elsewhere_followed_and_fetched(vendor: Mp, cloud: FakeRunPod, tmp_path: Path) -> None:
    cloud.workers = [{"id": "w1", "status": "INITIALIZING"}]
    words = ("train", "start", project(tmp_path / "p", TRAIN), "--task", "demo", "--hp", "rate=0.1", "--seed", "7")
    started = vendor(*words, "--provider", "runpod", "--gpu", "L4", "--max-cost", "0.10")
    assert started.returncode == 0, started.stderr
    run = started.stdout.strip()
    eventually(lambda: "Cold start" in vendor("train", "status", run).stdout, "why it waits")
    environment = {**os.environ, **cloud.worker_environment("w1"), "PYTHONPATH": os.getcwd()}
    worker = Running([sys.executable, str(WORKER)], environment, tmp_path)
    try:
        cloud.workers = [{"id": "w1", "status": "RUNNING"}]
        waited = vendor("train", "wait", run)
        assert (waited.returncode, "succeeded" in waited.stdout) == (0, True), waited.stdout + worker.err()
        assert "rate 0.1 seed 7" in vendor("train", "logs", run).stdout
        answered = vendor.json("train", "status", run)
        assert (answered["metrics"], len(answered["steps"]), answered["nanos_per_hour"]) == (
            {"ic": 0.03},
            4,
            690_000_000,
        )
        assert answered["environment"]["provider"] == "runpod"
        assert vendor("train", "pull", run, "--to", "got").returncode == 0
        assert (vendor.config / "got" / "model.txt").read_text().startswith("tree\n")
        failing = vendor("train", "start", project(tmp_path / "b", "def train(*_):\n    1 / 0\n"), "--task", "b",
                         "--provider", "runpod").stdout.strip()  # fmt: skip
        assert vendor("train", "wait", failing).returncode == 1
        assert "ZeroDivisionError" in vendor("train", "status", failing).stdout
        poor = vendor("train", "start", project(tmp_path / "z", SLEEPY), "--task", "z", "--provider", "runpod",
                      "--max-cost", "0.0004").stdout.strip()  # fmt: skip
        assert vendor("train", "wait", poor).returncode == 3
        assert "Its budget was used up after 7 s." in vendor("train", "status", poor).stdout
    finally:
        worker.process.kill()
        worker.process.wait()
    sent = json.dumps(cloud.bodies)
    assert API_KEY not in sent
    assert all(set(body["input"]) == {"spec", "seconds", "code", "data", "claim"} for body in cloud.bodies)


def test_a_run_is_stopped_in_the_cloud_and_what_is_not_offered_is_refused(
    vendor: Mp, cloud: FakeRunPod, tmp_path: Path
) -> None:
    folder = project(tmp_path / "s", SLEEPY)
    run = vendor("train", "start", folder, "--task", "s", "--provider", "runpod").stdout.strip()
    eventually(lambda: any(job.status == "IN_QUEUE" for job in cloud.jobs.values()), "its job")
    assert vendor("train", "stop", run).returncode == 0
    assert vendor("train", "wait", run).returncode == 3
    eventually(lambda: [job.status for job in cloud.jobs.values()][-1] == "CANCELLED", "cancelled")
    wrong = vendor("train", "start", folder, "--task", "s", "--provider", "runpod", "--gpu", "H100", "--json")
    assert json.loads(wrong.stderr)["error"]["code"] == "training_provider_unavailable"
