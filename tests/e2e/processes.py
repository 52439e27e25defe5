"""Processes that a test starts, waits for, kills and stops, each by its own id."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import httpx

Found = TypeVar("Found")

READY_SECONDS = 180.0
STOP_SECONDS = 40.0


def until(condition: Callable[[], Found], seconds: float = 120.0, *, every: float = 0.02, what: str = "") -> Found:
    """What `condition` gives as soon as it is true; fails when that takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what or condition} did not come true in {seconds} s (last: {found!r})"
        time.sleep(every)
    return found


def answers(url: str) -> bool:
    """Whether `url` answers with success now."""
    try:
        return httpx.get(url, timeout=10).is_success
    except httpx.TransportError:
        return False


class Running:
    """One process in a group of its own, so that its children end with it. What it writes goes to `log`."""

    def __init__(self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        self.pid = self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def wait_until_ready(self, *urls: str) -> None:
        """Returns when all of `urls` answer with success."""

        def ready() -> bool:
            assert self.is_alive, f"{self.name} ended with {self._process.returncode}:\n{self.last_words()}"
            return all(map(answers, urls))

        try:
            until(ready, READY_SECONDS, every=0.05)
        except AssertionError as error:
            raise AssertionError(f"{self.name}: {error}\n{self.last_words()}") from None

    def kill(self) -> None:
        """SIGKILL to it and its children: nothing can be tidied up."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where it has not ended in time."""
        if self.is_alive:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self.kill()

    def last_words(self) -> str:
        """The end of what it wrote."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:])

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)
