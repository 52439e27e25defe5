"""A training run as a job of a RunPod serverless worker: code and data by signed links in, artifacts out."""

import asyncio
import base64
import contextlib
import ctypes
import hashlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Coroutine
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from mercato_cli.runner.log_tail import LogTail, read_lines
from mercato_contracts.archives import BROKEN_ZIP
from mercato_contracts.training import JobEnd, JobFailure

Job = dict[str, Any]
Progress = Callable[[Job, dict[str, Any]], None]

_MOST_DATA_BYTES = 4 * 1024**3
_MOST_CODE_BYTES = 8 * 1024**2
_MOST_ARTIFACT_BYTES = 6 * 1024**2
"""RunPod takes at most 10 MB from a job (docs.runpod.io, serverless/endpoints/operation-reference); base64 makes four
bytes of three, and the log goes along."""

_PIECE_BYTES = 1024 * 1024
_HANDED_ON = ("PATH", "LANG", "PYTHONPATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
_PR_SET_DUMPABLE = 4
_PROGRESS_SECONDS = 2.0
_LONGEST_SECONDS = 7 * 86_400


class JobRefused(Exception):
    """The job cannot be run, or failed; the text says why."""

    def __init__(self, why: str, end: JobEnd = "failed") -> None:
        super().__init__(why)
        self.failure = JobFailure(error=why, end=end)


def training_job(
    project: Path | None = None, progress: Progress | None = None, every_seconds: float = _PROGRESS_SECONDS
) -> Callable[[Job], Coroutine[Any, Any, dict[str, Any]]]:
    """The handler of a worker. `progress` is RunPod's own when left out; it may block.

    A job's `input` is `{"spec": TrainingSpec, "data": [{"name", "url", "sha256"}], "code": {"url", "sha256"},
    "claim": url, "seconds": int}`. `code` is a zip of the project to be trained, `project` where it is left out. At
    `claim` the job says which it is before it begins: it does not begin where the run is over or another job's.

    The answer is `{"metrics", "artifacts": [{"name", "bytes", "sha256", "content"}], "log"}`, the content in base64, or
    a `JobFailure` with its log, `{"error", "end", "log"}`, of which RunPod takes the error out. `log` and every
    progress is `{"place", "text"}` (`log_tail.LogTail`). After code that was sent RunPod is asked for a fresh worker
    (`refresh_worker`): nothing of it is left for the next job.
    """

    async def run(job: Job) -> dict[str, Any]:
        tail = LogTail()
        given = job.get("input")
        try:
            answer = await _run(project, job, tail, progress or _send_progress, every_seconds)
        except JobRefused as refused:
            answer = refused.failure.model_dump()
        answer["log"] = tail.to_json()
        return answer | ({"refresh_worker": True} if isinstance(given, dict) and "code" in given else {})

    return run


async def _run(
    project: Path | None, job: Job, tail: LogTail, progress: Progress, every_seconds: float
) -> dict[str, Any]:
    given = job.get("input")
    if not isinstance(given, dict) or not isinstance(given.get("spec"), dict):
        raise JobRefused("The input has no `spec`.")
    if "claim" in given:
        await asyncio.to_thread(_claim, str(given["claim"]), str(job.get("id", "")))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "spec.json").write_text(json.dumps(given["spec"]))
        (place / "data").mkdir()
        for file in given.get("data", []):
            await asyncio.to_thread(_fetch, file, place / "data", _MOST_DATA_BYTES)
        if "code" in given:
            project = await asyncio.to_thread(_fetch_code, given["code"], place)
        if project is None:
            raise JobRefused("The input has no `code`, and this worker no project of its own.")
        seconds = min(int(given.get("seconds", _LONGEST_SECONDS)), _LONGEST_SECONDS)
        trained = await _train(project, place, job, tail, progress, every_seconds, seconds)
        return {"metrics": trained["metrics"], "artifacts": _pack(place / "out", trained["artifacts"])}


async def _train(
    project: Path, place: Path, job: Job, tail: LogTail, progress: Progress, every_seconds: float, seconds: int
) -> dict[str, Any]:
    """The runner as a process of its own: what it leaves in memory is gone before the next job."""
    process = await _start_runner(project, place)
    last: dict[str, Any] = {}

    def hear(line: str) -> None:
        with contextlib.suppress(ValueError):
            last.update(json.loads(line))

    assert process.stdout is not None
    assert process.stderr is not None
    reporting = asyncio.create_task(_report_progress(job, tail, progress, every_seconds))
    try:
        async with asyncio.timeout(seconds):
            await asyncio.gather(
                read_lines(process.stdout, tail, hear), read_lines(process.stderr, tail, lambda line: None)
            )
            await process.wait()
    except TimeoutError:
        raise JobRefused(f"It took longer than its {seconds} s and was ended.", "timed_out") from None
    finally:
        # Everything that it started ends with it, also where RunPod cancels this job.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        reporting.cancel()
        # Progress that arrives after the answer would replace it (runpod-python, issue 250).
        await asyncio.gather(reporting, return_exceptions=True)
    if last.get("event") != "done":
        raise JobRefused(f"Training failed: {last.get('error', f'the process ended with code {process.returncode}')}")
    return last


async def _start_runner(project: Path, place: Path) -> asyncio.subprocess.Process:
    """In a session of its own, with a new home and little of the environment."""
    command = [sys.executable, "-m", "mercato_cli.runner", "train", "--project", str(project)]
    command += ["--spec", str(place / "spec.json"), "--data", str(place / "data"), "--out", str(place / "out")]
    _keep_secrets()
    (place / "home").mkdir()
    return await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=place / "home",
        # The worker's own environment holds its key to RunPod.
        env={name: os.environ[name] for name in _HANDED_ON if name in os.environ} | {"HOME": str(place / "home")},
        start_new_session=True,
    )


async def _report_progress(job: Job, tail: LogTail, progress: Progress, every_seconds: float) -> None:
    """Send progress reports one after another, in order."""
    began, heard = time.monotonic(), -1
    while True:
        if tail.end > heard:
            report = {**tail.to_json(), "elapsed_ms": int((time.monotonic() - began) * 1000)}
            heard = tail.end
            await _finish(asyncio.create_task(asyncio.to_thread(progress, job, report)))
        await asyncio.sleep(every_seconds)


async def _finish(sending: "asyncio.Task[None]") -> None:
    """Wait for it, even if the waiting task is cancelled meanwhile."""
    try:
        await asyncio.shield(sending)
    except asyncio.CancelledError:
        await asyncio.gather(sending, return_exceptions=True)
        raise


def _claim(url: str, job_id: str) -> None:
    """Say which job this is. Raises `JobRefused` where the run is over, or another job's."""
    _check_scheme(url)
    body = json.dumps({"job": job_id}).encode()
    claim = Request(url, body, {"content-type": "application/json"}, method="POST")  # noqa: S310  (the scheme was checked)
    try:
        with urlopen(claim, timeout=60):  # noqa: S310
            return
    except HTTPError as error:
        error.close()
        raise JobRefused(f"The run is not this job's: the marketplace answered {error.code}.") from None
    except (URLError, OSError) as error:
        raise JobRefused(f"The marketplace cannot be reached from the worker: {error}.") from None


def _check_scheme(url: str) -> None:
    if urlsplit(url).scheme not in ("http", "https"):
        raise JobRefused("Data comes over http or https.")


def _fetch_code(code: Any, place: Path) -> Path:
    """The project, unpacked; the marketplace looked at the zip before it signed for it."""
    _fetch({**code, "name": "code.zip"}, place, _MOST_CODE_BYTES)
    project = place / "project"
    try:
        with zipfile.ZipFile(place / "code.zip") as archive:
            archive.extractall(project)
    except BROKEN_ZIP:
        raise JobRefused("The code is no zip, or cannot be unpacked.") from None
    return project


def _fetch(file: Any, folder: Path, most_bytes: int) -> None:
    """One file, whole and as its checksum says."""
    name, url = str(file["name"]), str(file["url"])
    if PurePosixPath(name).name != name or name in ("", ".", ".."):
        raise JobRefused(f"{name!r} is no file name.")
    _check_scheme(url)
    digest, size = hashlib.sha256(), 0
    try:
        with urlopen(url, timeout=60) as answer, (folder / name).open("wb") as out:  # noqa: S310
            while piece := answer.read(_PIECE_BYTES):
                size += len(piece)
                if size > most_bytes:
                    raise JobRefused(f"{name} has more than {most_bytes} bytes.")
                digest.update(piece)
                out.write(piece)
    except HTTPError as error:
        error.close()
        raise JobRefused(f"{name} cannot be had: its link was answered {error.code}.") from None
    except (URLError, OSError) as error:
        raise JobRefused(f"{name} cannot be had: {error}.") from None
    if digest.hexdigest() != file["sha256"]:
        raise JobRefused(f"{name} arrived damaged: its SHA-256 is not the one named.")


def _pack(out: Path, artifacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    whole = sum(each["bytes"] for each in artifacts)
    if whole > _MOST_ARTIFACT_BYTES:
        raise JobRefused(f"Training left {whole} bytes; {_MOST_ARTIFACT_BYTES} fit into an answer of RunPod's.")
    return [{**each, "content": base64.b64encode((out / each["name"]).read_bytes()).decode()} for each in artifacts]


def _keep_secrets() -> None:
    """The worker's environment and memory cannot be read by processes of its user any more (prctl(2))."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _send_progress(job: Job, report: dict[str, Any]) -> None:
    """RunPod's own, and its thread is waited for: it starts one for each and would not say when it is done."""
    import runpod

    before = set(threading.enumerate())
    runpod.serverless.progress_update(job, report)
    for thread in set(threading.enumerate()) - before:
        thread.join(timeout=30)
