"""The template's real handler under RunPod's real worker SDK: a data round in, a LightGBM model out.

The SDK is installed once into an environment of its own (`runpod.lock`); the fake cloud is all that is not real.
"""

import hashlib
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lightgbm
import pytest

from tests.cli.conftest import Mp
from tests.clients.environments import python_client_environment
from tests.fakes.runpod import API_KEY, fake_runpod
from tests.fakes.runpod_cloud import FakeRunPod
from tests.support.running import Place, Running, open_folder
from tests.support.waiting import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
LOCK = Path(__file__).with_name("runpod.lock")


@dataclass
class Market:
    """A marketplace that trains on RunPod, with an open round."""

    cloud: FakeRunPod
    vendor: Mp
    round: str
    python: Path

    def worker(self, project: Path) -> Running:
        """What RunPod would start: the template's handler under the SDK."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        environment = kept | self.cloud.worker_environment("w1") | {"RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true"}
        return Running([str(self.python), str(project / "rp_handler.py")], environment, project)


@pytest.fixture(scope="module")
def python() -> Path:
    """The SDK's environment; what the vendor's image has beside it comes from ours."""
    python = python_client_environment(LOCK)
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"]
    packages = Path(subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout.strip())
    ours = sysconfig.get_paths()["purelib"]
    (packages / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    return python


@pytest.fixture(scope="module")
def market(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    """All of it, as an operator sets it up."""
    with fake_runpod() as cloud, open_folder() as folder:
        place = Place(folder)
        place.environment |= {
            "MERCATO_RUNPOD_API_KEY": API_KEY,
            "MERCATO_RUNPOD_ENDPOINTS": f"cpu={cloud.queue_endpoint}@0.20",
            "MERCATO_RUNPOD_JOBS_URL": cloud.jobs_url,
            "MERCATO_RUNPOD_REST_URL": cloud.rest_url,
        }
        up = place.start("up", "--json")
        url = up.await_line()["control_url"]
        for words in (("data", "build"), ("data", "open")):
            done = place.run(*words)
            assert done.returncode == 0, done.stderr
        vendor = Mp(tmp_path_factory.mktemp("vendor"))
        joined = vendor("signup", "far", "--url", url, "--email", "far@example.org", stdin="correct horse battery")
        assert joined.returncode == 0, joined.stderr
        (opened,) = [
            each for each in vendor.json("data", "list", "us-equities-daily")["items"] if each["state"] == "open"
        ]
        yield Market(cloud, vendor, opened["id"], python)
        assert up.stop() == 0


def test_a_model_is_trained_by_the_real_sdk_on_a_round(market: Market) -> None:
    vendor, cloud = market.vendor, market.cloud
    project = vendor.config / "far-signal"
    made = vendor("init", project.name, "--template", "signal-train")
    assert made.returncode == 0, made.stderr
    words = ("train", "start", str(project), "--task", "us-equities", "--round", market.round, "--hp", "trees=40")
    started = vendor(*words, "--provider", "runpod", "--max-cost", "1")
    assert started.returncode == 0, started.stderr
    run = started.stdout.strip()
    worker = market.worker(project)
    try:
        waited = vendor("train", "wait", run)
        assert waited.returncode == 0, waited.stderr + worker.err()[-3000:]
        body = vendor.json("train", "status", run)
    finally:
        worker.process.kill()
        worker.process.wait()
    assert [step["step"] for step in body["steps"]] == [10, 20, 30, 40]
    assert vendor("train", "pull", run, "--to", "got").returncode == 0
    model = vendor.config / "got" / "model.txt"
    assert hashlib.sha256(model.read_bytes()).hexdigest() == body["artifacts"][0]["sha256"]
    assert lightgbm.Booster(model_file=str(model)).num_trees() == 40
    assert body["metrics"]["trees"] == 40
    assert cloud.job().status == "COMPLETED", "no late progress took it back"


def test_the_sdk_stops_a_job_that_is_cancelled(market: Market) -> None:
    project = market.vendor.config / "sleepy"
    assert market.vendor("init", project.name, "--template", "signal-train").returncode == 0
    (project / "train.py").write_text(
        "import time\ndef train(*_):\n    print('begun', flush=True)\n    time.sleep(900)\n"
    )
    run = market.vendor("train", "start", str(project), "--task", "s", "--provider", "runpod").stdout.strip()
    worker = market.worker(project)
    try:
        eventually(lambda: "begun" in market.vendor("train", "logs", run).stdout, "begun")
        assert market.vendor("train", "stop", run).returncode == 0
        assert market.vendor("train", "wait", run).returncode == 3
        job = list(market.cloud.jobs.values())[-1]
        eventually(lambda: job.status == "CANCELLED" and not job.stopping, "the worker heard of it")
        children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children")
        eventually(lambda: not any("runner" in _command(pid) for pid in children.read_text().split()), "its end")
    finally:
        worker.process.kill()
        worker.process.wait()


def _command(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
