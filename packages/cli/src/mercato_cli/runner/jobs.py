"""A training run as a job of a RunPod serverless worker: the data by signed links in, artifacts out."""

import base64
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

Job = dict[str, Any]
Progress = Callable[[Job, dict[str, Any]], None]

_MOST_DATA_BYTES = 4 * 1024**3
_MOST_ARTIFACT_BYTES = 8 * 1024**2
"""RunPod returns at most 10 MB of a job; base64 makes four bytes of three."""

_PIECE_BYTES = 1024 * 1024


class JobRefused(Exception):
    """The job cannot be run; the text says why."""


def training_job(project: Path, progress: Progress | None = None) -> Callable[[Job], dict[str, Any]]:
    """The handler of a worker. `progress` is `runpod.serverless.progress_update` when left out.

    A job's `input` is `{"spec": TrainingSpec, "data": [{"name", "url", "sha256"}]}`; the answer is
    `{"metrics", "artifacts": [{"name", "bytes", "sha256", "content"}]}` with the content in base64, or
    `{"error": text}`, as RunPod has it.
    """

    def run(job: Job) -> dict[str, Any]:
        try:
            return _run(project, job, progress or _runpod_progress())
        except JobRefused as refused:
            return {"error": str(refused)}

    return run


def _run(project: Path, job: Job, progress: Progress) -> dict[str, Any]:
    given = job.get("input")
    if not isinstance(given, dict) or not isinstance(given.get("spec"), dict):
        raise JobRefused("The input has no `spec`.")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "spec.json").write_text(json.dumps(given["spec"]))
        (place / "data").mkdir()
        for file in given.get("data", []):
            _fetch(file, place / "data")
        told = _train(project, place, job, progress)
        return {"metrics": told["metrics"], "artifacts": [_pack(place / "out", each) for each in told["artifacts"]]}


def _train(project: Path, place: Path, job: Job, progress: Progress) -> dict[str, Any]:
    """The runner as a process of its own: what it leaves in memory is gone before the next job."""
    command = [sys.executable, "-m", "mercato_cli.runner", "train", "--project", str(project)]
    command += ["--spec", str(place / "spec.json"), "--data", str(place / "data"), "--out", str(place / "out")]
    last: dict[str, Any] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        assert process.stdout is not None
        for line in process.stdout:
            last = json.loads(line)
            if last["event"] == "progress":
                progress(job, last)
    if last.get("event") != "done":
        raise JobRefused(f"Training failed: {last.get('error', f'the process ended with code {process.returncode}')}")
    return last


def _fetch(file: Any, folder: Path) -> None:
    """One file of the round, whole and as its checksum says."""
    name, url = str(file["name"]), str(file["url"])
    if PurePosixPath(name).name != name or name in ("", ".", ".."):
        raise JobRefused(f"{name!r} is no file name.")
    if urlsplit(url).scheme not in ("http", "https"):
        raise JobRefused("Data comes over http or https.")
    digest, size = hashlib.sha256(), 0
    with urlopen(url, timeout=60) as answer, (folder / name).open("wb") as out:  # noqa: S310  (the scheme was checked)
        while piece := answer.read(_PIECE_BYTES):
            size += len(piece)
            if size > _MOST_DATA_BYTES:
                raise JobRefused(f"{name} has more than 4 GiB.")
            digest.update(piece)
            out.write(piece)
    if digest.hexdigest() != file["sha256"]:
        raise JobRefused(f"{name} arrived damaged: its SHA-256 is not the one named.")


def _pack(out: Path, artifact: dict[str, Any]) -> dict[str, Any]:
    if artifact["bytes"] > _MOST_ARTIFACT_BYTES:
        raise JobRefused(
            f"{artifact['name']} has {artifact['bytes']} bytes; {_MOST_ARTIFACT_BYTES} fit into an answer."
        )
    return {**artifact, "content": base64.b64encode((out / artifact["name"]).read_bytes()).decode()}


def _runpod_progress() -> Progress:
    import runpod

    return runpod.serverless.progress_update  # type: ignore[no-any-return]
