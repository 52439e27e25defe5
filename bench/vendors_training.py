"""Training measured: how soon `mp train start` has made a run, and how soon the provider has begun it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx

from bench.discovery_rows import Row

CREATED_BAR_S = 5.0
_RUNS = 7
_TRAIN = """\
def train(spec, data, out, report):
    report(1, {"loss": 1.0})
    (out / "model.txt").write_text("tree\\nversion=v4\\nnum_class=1\\n")
    return {"loss": 1.0}
"""
_ENDED = {"succeeded", "failed", "timed_out", "stopped"}


def measure_training(port: int, key: str, folder: Path) -> list[Row]:
    """As a vendor with this key starts runs, one after the other, on the local provider."""
    project = folder / "project"
    project.mkdir()
    (project / "train.py").write_text(_TRAIN)
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "MERCATO_TOKEN": key, "MERCATO_URL": url, "XDG_CONFIG_HOME": str(folder / "config")}
    created, begun = [], []
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {key}"}, timeout=60) as api:
        for _ in range(_RUNS):
            began = time.perf_counter()
            run = _start(project, environment)
            created.append(time.perf_counter() - began)
            _await_step(api, run)
            begun.append(time.perf_counter() - began)
    return [
        Row("train_job_created_s", _middle(created), "s", "lower", CREATED_BAR_S, (min(created), max(created))),
        Row("train_first_step_s", _middle(begun), "s", "lower", None, (min(begun), max(begun))),
    ]


def _start(project: Path, environment: dict[str, str]) -> str:
    command = [str(Path(sys.executable).parent / "mp"), "train", "start", str(project), "--task", "bench"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return str(done.stdout).strip()


def _await_step(api: httpx.Client, run: str) -> None:
    """Until the provider runs the vendor's code and its first words are here."""
    while True:
        answer = api.get(f"/api/training/runs/{run}")
        assert answer.status_code == 200, answer.text
        training = answer.json()
        if training["steps"]:
            return
        assert training["state"] not in _ENDED - {"succeeded"}, training
        time.sleep(0.06)


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
