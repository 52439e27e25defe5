"""`python -m mercato.adapters.training_local.warden FOLDER`: runs one job and answers for all of its processes.

It is a process of its own, so that a run survives the worker. Everything between it and the worker is files in FOLDER:
`job.json` in; `status.json`, `log` out; `stop` asks for the end; `lock` is held from before its start to its end.
"""

import contextlib
import ctypes
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from mercato.adapters.training_local.containment import Bounds, confine
from mercato.adapters.training_local.tree import descendants, kill_tree, reap, weigh
from mercato_contracts.masking import mask

_TICK_SECONDS = 0.1
_DISK_EVERY_SECONDS = 0.5
_LONGEST_LINE = 16_384
_PR_SET_CHILD_SUBREAPER = 36
_SPARE_BYTES = 256 * 1024 * 1024
"""Private memory that a Python with its libraries reserves without touching it."""


class Warden:
    """One job, from its start to its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._job: dict[str, Any] = json.loads((folder / "job.json").read_text())
        self._began_ms = int(time.time() * 1000)
        self._clock_began = time.monotonic()
        self._log = (folder / "log").open("ab", buffering=0)
        self._log_left: int = self._job["log_bytes"]
        self._rest = b""
        self._disk_looked = 0.0
        self._most_memory = 0

    def run(self) -> None:
        """Until the job has ended and nothing of it is left."""
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        try:
            child = self._start()
        except (OSError, subprocess.SubprocessError) as error:
            self._write("ended", reason="start", exit_code=None, said=str(error))
            return
        self._write("running", pid=child.pid)
        reason = self._watch(child)
        with contextlib.suppress(ProcessLookupError):
            kill_tree_of(child)
        code = child.wait()
        assert child.stdout is not None
        self._read(child.stdout.fileno(), patience=0.0)
        self._say(self._rest)
        if not reason and self._disk_used() > self._job["disk_bytes"]:
            reason = "disk"
        self._write("ended", reason=reason, exit_code=code)

    def _start(self) -> "subprocess.Popen[bytes]":
        job = self._job
        bounds = Bounds(
            memory_bytes=job["memory_bytes"] + _SPARE_BYTES,
            file_bytes=job["disk_bytes"],
            cpu_seconds=max(1, int(job["seconds"] * (os.cpu_count() or 1)) + 1),
        )
        readable = [Path(each) for each in job["readable"]]
        writable = [Path(each) for each in job["writable"]]
        return subprocess.Popen(  # noqa: S603  (to run it is what it is for)
            job["command"],
            cwd=job["cwd"],
            env=job["environment"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: confine(bounds, readable, writable, sockets=job["sockets"]),
        )

    def _watch(self, child: "subprocess.Popen[bytes]") -> str:
        """Why it had to be ended; empty where it ended by itself."""
        assert child.stdout is not None
        output = child.stdout.fileno()
        os.set_blocking(output, False)
        while True:
            self._read(output, patience=_TICK_SECONDS)
            if child.poll() is not None:
                return ""
            reap(os.getpid(), child.pid)
            reason = self._broken_bound()
            if reason:
                return reason

    def _broken_bound(self) -> str:
        job, now = self._job, time.monotonic()
        if (self._folder / "stop").exists():
            return "stopped"
        if now - self._clock_began > job["seconds"]:
            return "time"
        weight = weigh(descendants(os.getpid()))
        self._most_memory = max(self._most_memory, weight.memory_bytes)
        if weight.tasks > job["tasks"]:
            return "processes"
        if weight.memory_bytes > job["memory_bytes"]:
            return "memory"
        if now - self._disk_looked > _DISK_EVERY_SECONDS:
            self._disk_looked = now
            if self._disk_used() > job["disk_bytes"]:
                return "disk"
        return ""

    def _disk_used(self) -> int:
        """Bytes on disk below what it may write; many small files count as much as they take."""
        used = 0
        for top in self._job["writable"]:
            for folder, _, names in os.walk(top):
                for name in names:
                    with contextlib.suppress(OSError):
                        used += os.lstat(os.path.join(folder, name)).st_blocks * 512
                if used > self._job["disk_bytes"]:
                    return used
        return used

    def _read(self, output: int, *, patience: float) -> None:
        """Its output since, in whole lines; waits for at most `patience` seconds for the first of it."""
        deadline = time.monotonic() + patience
        while True:
            ready, _, _ = select.select([output], [], [], max(0.0, deadline - time.monotonic()))
            piece = b""
            if ready:
                with contextlib.suppress(BlockingIOError):
                    piece = os.read(output, 65_536)
            if not piece:
                if ready:
                    # Closed by the job, which lives on: the tick is waited out here.
                    time.sleep(max(0.0, deadline - time.monotonic()))
                return
            *lines, self._rest = (self._rest + piece).split(b"\n")
            for line in lines:
                self._say(line)
            if len(self._rest) > _LONGEST_LINE:
                self._say(self._rest)
                self._rest = b""
            if time.monotonic() >= deadline:
                return

    def _say(self, line: bytes) -> None:
        if not line or self._log_left <= 0:
            return
        # Masked here, before it is on a disk. A key that is cut in two by the longest line is masked in neither half,
        # and neither half is a key.
        text = mask(line[:_LONGEST_LINE].decode(errors="replace").replace("\0", "�")).encode() + b"\n"
        self._log_left -= len(text)
        self._log.write(text if self._log_left > 0 else b"(the log is full; what follows is not kept)\n")

    def _write(self, state: str, **facts: Any) -> None:
        standing = {
            "state": state,
            "began_ms": self._began_ms,
            "milliseconds": int((time.monotonic() - self._clock_began) * 1000),
            "most_memory_bytes": self._most_memory,
        }
        draft = self._folder / ".status.json"
        draft.write_text(json.dumps(standing | facts))
        draft.replace(self._folder / "status.json")


def kill_tree_of(child: "subprocess.Popen[bytes]") -> None:
    """End the job's processes, all of them. The child itself is left to be waited for."""
    group = child.pid
    if child.poll() is None:
        child.kill()
        child.wait()
    kill_tree(os.getpid(), group)


def main() -> None:
    """Run the job. The lock of the folder came with the process, as a descriptor that nobody closes before its end."""
    folder = Path(sys.argv[1])
    if not (folder / "status.json").exists():  # else it has run already; nothing runs twice
        Warden(folder).run()


if __name__ == "__main__":
    main()
