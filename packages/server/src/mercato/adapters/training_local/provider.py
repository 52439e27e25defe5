"""Runs on this machine: a warden process each, files in a folder each."""

import asyncio
import contextlib
import fcntl
import json
import os
import platform
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mercato.adapters.training_local.containment import is_complete
from mercato.platform import is_locked
from mercato.training import CodeRefused, Job, Look, ProviderRefused, unpack
from mercato_contracts.training import TrainingSpec

_MIB = 1024 * 1024
_LOG_BYTES = 16 * _MIB
_LOG_PIECE = 256 * 1024
_START_SECONDS = 20.0
_STOP_SECONDS = 30.0
_REASONS = {
    "time": ("timed_out", "It took longer than its {seconds} s and was ended."),
    "stopped": ("stopped", "It was stopped."),
    "memory": ("failed", "It used more than its {memory} MiB of memory and was ended."),
    "processes": ("failed", "It had more than its {tasks} processes and threads and was ended."),
    "disk": ("failed", "It wrote more than its {disk} MiB and was ended."),
    "start": ("failed", "It could not be started."),
}


class LocalProvider:
    """`mercato.training.Provider` by processes. `root` lasts over restarts; a run's folder below it is its handle.

    `nanos_per_hour` is what the operator charges. `runner` begins the command that trains; what follows it is fixed.
    """

    def __init__(
        self,
        root: Path,
        *,
        nanos_per_hour: int,
        runner: Sequence[str] = (sys.executable, "-m", "mercato_cli.runner", "train"),
    ) -> None:
        self._root = root.absolute()
        self._nanos_per_hour = nanos_per_hour
        self._runner = list(runner)

    @property
    def fetches(self) -> bool:
        return False

    def nanos_per_hour(self, spec: TrainingSpec) -> int:
        if spec.gpu is not None:
            raise ProviderRefused(f"This machine offers no GPU `{spec.gpu}`; `--provider runpod` may.")
        return self._nanos_per_hour

    def machines(self) -> dict[str, int]:
        return {"": self._nanos_per_hour}

    def environment(self) -> dict[str, str]:
        return {
            "provider": "local",
            "python": platform.python_version(),
            "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs",
            "containment": "files, sockets, signals" if is_complete() else "limits only",
        }

    async def launch(self, job: Job) -> str:
        return await asyncio.to_thread(self._launch, job)

    async def find(self, run_id: str) -> str | None:
        # Whether the job was begun is decided by its file: without it no warden was started.
        return run_id if (self._root / run_id / "job.json").exists() else None

    async def look(self, handle: str, log_offset: int) -> Look:
        return await asyncio.to_thread(self._look, self._root / handle, log_offset)

    async def stop(self, handle: str) -> None:
        folder = self._root / handle
        if not folder.exists():
            return
        (folder / "stop").touch()
        await asyncio.to_thread(_await_end, folder)

    async def collect(self, handle: str, folder: Path, most_bytes: int) -> list[Path]:
        return await asyncio.to_thread(self._collect, self._root / handle / "out", folder, most_bytes)

    async def forget(self, handle: str) -> None:
        await self.stop(handle)
        await asyncio.to_thread(_kill_marked, handle)
        await asyncio.to_thread(shutil.rmtree, self._root / handle, ignore_errors=True)

    def _launch(self, job: Job) -> str:
        folder = self._root / job.run_id
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        # What a try that was cut short left has no job file, so nothing of it runs.
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("project", "data", "out", "work"):
            (folder / name).mkdir(parents=True)
        try:
            unpack(job.code, folder / "project")
        except CodeRefused as refusal:
            raise ProviderRefused(str(refusal)) from None
        (folder / "spec.json").write_text(job.spec.model_dump_json())
        if job.data is not None:
            shutil.copytree(job.data, folder / "data", dirs_exist_ok=True)
        draft = folder / ".job.json"
        draft.write_text(json.dumps(self._order(job, folder)))
        draft.replace(folder / "job.json")
        self._start_warden(folder)
        return job.run_id

    def _order(self, job: Job, folder: Path) -> dict[str, Any]:
        limits = job.spec.limits
        paths = ("project", "spec.json", "data", "out")
        options = [word for name in paths for word in (f"--{name.partition('.')[0]}", str(folder / name))]
        return {
            "command": [*self._runner, *options],
            "cwd": str(folder / "work"),
            "environment": _environment(folder / "work", job.run_id),
            "seconds": job.seconds,
            "memory_bytes": limits.memory_mib * _MIB,
            "tasks": limits.processes,
            "disk_bytes": limits.disk_mib * _MIB,
            "log_bytes": _LOG_BYTES,
            "readable": [*_python_folders(), *_runner_files(self._runner), *(str(folder / name) for name in paths[:3])],
            "writable": [str(folder / "out"), str(folder / "work")],
            "sockets": False,
        }

    def _start_warden(self, folder: Path) -> None:
        # Locked for the warden before it is born: one that a busy machine is slow to start must not seem to be gone,
        # and whoever asks whether the lock is held cannot be in its way when it takes it.
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with (folder / "warden.log").open("ab") as log:
            warden = subprocess.Popen(  # noqa: S603  (our own program)
                [sys.executable, "-m", "mercato.adapters.training_local.warden", str(folder)],
                pass_fds=[lock],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=_environment(folder / "work", ""),
                start_new_session=True,
            )
        os.close(lock)
        deadline = time.monotonic() + _START_SECONDS
        while not (folder / "status.json").exists() and warden.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        # The worker outlives many wardens: each is collected when it ends.
        _collect_when_ended(warden)

    def _look(self, folder: Path, log_offset: int) -> Look:
        locked = is_locked(folder / "lock")
        try:
            status = json.loads((folder / "status.json").read_text())
        except (FileNotFoundError, ValueError):
            return Look("waiting", "It is being started.") if locked else Look("gone", "Its warden is gone.")
        text, place = _read_log(folder / "log", log_offset)
        running_ms = int(time.time() * 1000) - status["began_ms"]
        if status["state"] == "running":
            if not locked:
                _kill_marked(folder.name)
                return Look("gone", "Its warden was killed, and it with it.", text, place, None, running_ms)
            return Look("running", "", text, place, None, running_ms)
        if place < (folder / "log").stat().st_size:
            # The rest is read first: the end is reported once, and last.
            return Look("running", "", text, place, None, status["milliseconds"])
        return self._ended(folder, status, text, place)

    def _ended(self, folder: Path, status: dict[str, Any], text: str, place: int) -> Look:
        code, reason = status["exit_code"], status["reason"]
        if reason:
            state, why = _REASONS[reason]
            job = json.loads((folder / "job.json").read_text())
            detail = why.format(
                seconds=job["seconds"],
                memory=job["memory_bytes"] // _MIB,
                tasks=job["tasks"],
                disk=job["disk_bytes"] // _MIB,
            )
        elif code == 0:
            state, detail = "succeeded", ""
        else:
            state, detail = "failed", _exit_text(code)
        return Look(state, detail, text, place, code, status["milliseconds"])  # type: ignore[arg-type]

    def _collect(self, out: Path, folder: Path, most_bytes: int) -> list[Path]:
        """Moved, not copied: nothing of the run is left that could change it, and a huge file costs nothing."""
        entries = sorted(out.iterdir())
        sizes = [each.lstat() for each in entries]
        whole = sum(details.st_size for details in sizes)
        if whole > most_bytes:
            raise ProviderRefused(f"The run left {whole} bytes; at most {most_bytes} are kept.")
        for each, details in zip(entries, sizes, strict=True):
            if not stat.S_ISREG(details.st_mode):
                raise ProviderRefused(f"The run left {each.name[:100]}, which is no plain file.")
        found = []
        for each in entries:
            shutil.copyfile(each, folder / each.name, follow_symlinks=False)
            found.append(folder / each.name)
        return found


def _environment(work: Path, run_id: str) -> dict[str, str]:
    """Nothing of the worker's own environment: its secrets stand there."""
    own = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(work),
        "TMPDIR": str(work),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLCONFIGDIR": str(work),
    }
    return {**own, "MERCATO_RUN": run_id} if run_id else own


def _python_folders() -> list[str]:
    """Where the interpreter and its packages are; packages of a source tree stand where `sys.path` says."""
    places = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    places |= {path for path in sys.path if path and ("site-packages" in path or Path(path).name == "src")}
    return sorted(place for place in places if Path(place).exists())


def _runner_files(runner: Sequence[str]) -> list[str]:
    return [word for word in runner[1:] if word.startswith("/")]


def _await_end(folder: Path) -> None:
    deadline = time.monotonic() + _STOP_SECONDS
    while is_locked(folder / "lock") and time.monotonic() < deadline:
        time.sleep(0.05)


def _read_log(path: Path, offset: int) -> tuple[str, int]:
    """Whole lines from `offset` on, and the place behind them."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            piece = file.read(_LOG_PIECE)
    except FileNotFoundError:
        return "", offset
    whole = piece[: piece.rfind(b"\n") + 1]
    return whole.decode(errors="replace"), offset + len(whole)


def _exit_text(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"It was ended by {signal.Signals(-code).name}."
    return f"It ended with exit code {code}; its log says why."


def _kill_marked(run_id: str) -> None:
    """Kill what names the run in its environment: children of a warden that was killed itself."""
    mark = f"MERCATO_RUN={run_id}".encode()
    for entry in os.scandir("/proc"):
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            if mark in Path(f"/proc/{entry.name}/environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)


def _collect_when_ended(process: "subprocess.Popen[bytes]") -> None:
    threading.Thread(target=process.wait, name=f"warden {process.pid}", daemon=True).start()
