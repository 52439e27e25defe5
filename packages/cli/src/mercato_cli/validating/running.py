"""Runs the project in the runner, as a separate process that is always ended."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_START_SECONDS = 120.0
_STOP_SECONDS = 15.0


class NotRunning(Exception):
    """The runner did not come up; the text is its last line."""


@dataclass(slots=True)
class Running:
    """A runner that answers. `cold_start_ms` from the start of the process until it listened."""

    port: int
    cold_start_ms: int
    process: "subprocess.Popen[bytes]"

    def peak_memory_bytes(self) -> int | None:
        """The most memory that it ever had resident; None where the system does not say."""
        try:
            lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        except OSError:
            return None
        peaks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
        return int(peaks[0]) * 1024 if peaks else None


@contextmanager
def running(project: Path, artifact: Path | None, *, port: int = 0, show_log: bool = False) -> Iterator[Running]:
    """The project's handler on a port, a free one by default. Raises `NotRunning`.

    What the vendor's code says goes to our own standard error with `show_log`, else nowhere but into `NotRunning`.
    """
    command = [sys.executable, "-m", "mercato_cli.runner", "serve", "--project", str(project), "--port", str(port)]
    command += ["--artifact", str(artifact)] if artifact else []
    began = time.monotonic()
    log = os.dup(2) if show_log else project_log()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=_environment())  # noqa: S603
    try:
        address = _await_ready(process, log)
        yield Running(int(address.rpartition(":")[2]), int((time.monotonic() - began) * 1000), process)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        os.close(log)


def project_log() -> int:
    """A file without a name for what the vendor's code says; it is shown when the code does not run."""
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def read_log(log: int, most: int = 4000) -> str:
    """Its end."""
    size = os.fstat(log).st_size
    return os.pread(log, most, max(0, size - most)).decode(errors="replace")


def _last_words(log: int) -> str:
    try:
        log_lines = read_log(log).strip().splitlines()
    except OSError:  # a terminal or a pipe: everybody has seen them
        return "see above."
    return (log_lines or ["it ended without a word"])[-1].removeprefix("runner: ")


def _await_ready(process: "subprocess.Popen[bytes]", log: int) -> str:
    assert process.stdout is not None
    deadline = time.monotonic() + _START_SECONDS
    line = b""
    while not line.endswith(b"\n"):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            raise NotRunning(f"It did not listen within {_START_SECONDS:.0f} s.")
        piece = os.read(process.stdout.fileno(), 4096)
        if not piece:
            process.wait()
            raise NotRunning(_last_words(log))
        line += piece
    # The vendor's code may have printed before; the runner's own line is the last one.
    for each in reversed(line.splitlines()):
        try:
            event = json.loads(each)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("event") == "ready":
            return str(event["address"])
    raise NotRunning("It printed something else where its address should stand.")


def _environment() -> dict[str, str]:
    """Without the marketplace's credentials: the vendor's code does not need them to answer a call."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MERCATO_")}
