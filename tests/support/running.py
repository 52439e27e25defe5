"""The real commands as processes of a test: started on free ports, awaited by condition, never left behind."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.ports import free_ports
from tests.support.waiting import SECONDS as SECONDS
from tests.support.waiting import eventually as eventually

BIN = Path(sys.executable).parent


def get(port: int, path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (lower case) and body; status 0 when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, {}, b""
    finally:
        connection.close()


def processes_naming(folder: Path) -> dict[int, str]:
    """The processes whose command line or environment names `folder`, this one apart."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            if str(folder).encode() in command + (entry / "environ").read_bytes() and command:
                found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


@contextmanager
def open_folder() -> Iterator[Path]:
    """A short folder that other users may pass through, as root's PostgreSQL needs it. Who still uses it is killed."""
    folder = Path(tempfile.mkdtemp(prefix="mercato-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for pid in processes_naming(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


class Place:
    """A state folder with ports of its own, and the environment that names them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.port, self.gateway_port, self.worker_port, self.admin_port = free_ports(4)
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("MERCATO_", "DATABASE_"))
        }
        self.environment = inherited | {
            "MERCATO_STATE": str(self.state),
            "MERCATO_PORT": str(self.port),
            "MERCATO_GATEWAY_PORT": str(self.gateway_port),
            "MERCATO_WORKER_PORT": str(self.worker_port),
            "MERCATO_GATEWAY_ADMIN_PORT": str(self.admin_port),
            "MERCATO_ALLOW_PRIVATE_ENDPOINTS": "true",
        }

    def run(self, *words: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """`mercato …` to its end."""
        return subprocess.run(
            [BIN / "mercato", *words],
            env=environment or self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def start(self, *words: str, environment: Mapping[str, str] | None = None) -> "Running":
        """`mercato …`, without waiting."""
        return Running([str(BIN / "mercato"), *words], environment or self.environment, self.folder)


class Running:
    """A process that was started; what it says goes to files."""

    def __init__(self, command: list[str], environment: Mapping[str, str], folder: Path) -> None:
        self._out = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._err = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._err
        )
        self.pid = self.process.pid

    def out(self) -> str:
        """Its standard output so far."""
        return _read(self._out.fileno())

    def err(self) -> str:
        """Its standard error so far."""
        return _read(self._err.fileno())

    def await_line(self) -> dict[str, Any]:
        """The JSON object on its first line of standard output."""

        def arrived() -> bool:
            assert self.process.poll() is None or "\n" in self.out(), f"ended: {self.err()}"
            return "\n" in self.out()

        eventually(arrived, "a line of JSON")
        body: dict[str, Any] = json.loads(self.out().splitlines()[0])
        return body

    def await_said(self, text: str) -> None:
        """Until it said `text` on standard error."""
        eventually(lambda: text in self.err(), f"{text!r} in {self.err()}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit code after this signal."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


def _read(descriptor: int) -> str:
    return os.pread(descriptor, 10_000_000, 0).decode(errors="replace")
