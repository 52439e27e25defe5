"""Processes that the demonstration starts, waits for and stops, each by its own id."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

READY_SECONDS = 90
STOP_SECONDS = 20


class NotReady(Exception):
    """A process ended, or did not answer in time; the message ends with what it last wrote."""


def answers(url: str) -> Callable[[], bool]:
    """Whether `url` answers with success, as a question to ask again."""

    def ask() -> bool:
        try:
            return httpx.get(url, timeout=2).is_success
        except httpx.TransportError:
            return False

    return ask


class Running:
    """One process in a group of its own: its children die with it, and a Ctrl-C reaches only the demonstration."""

    def __init__(self, name: str, command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
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

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Returns as soon as `ready`; raises `NotReady`."""
        deadline = time.monotonic() + READY_SECONDS
        while not ready():
            if self._process.poll() is not None:
                raise NotReady(f"{self.name} ended with {self._process.returncode}:\n{self.last_words()}")
            if time.monotonic() > deadline:
                raise NotReady(f"{self.name} was not ready after {READY_SECONDS} s:\n{self.last_words()}")
            time.sleep(0.05)

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than well."""
        return bool(self._process.poll())

    def wait_to_end(self) -> str:
        """What it wrote, once it has ended well; raises `NotReady` where it did not."""
        if self._process.wait():
            raise NotReady(f"{self.name} ended with {self._process.returncode}:\n{self.last_words()}")
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL to the process and its children: nothing can be tidied up."""
        self._signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if it has not ended by then."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._signal(signal.SIGKILL)  # a child that outlived its parent

    def last_words(self) -> str:
        """The end of what it wrote."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-25:])

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


class Processes:
    """All that was started; on the way out it is stopped, the last first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[Running] = []
        self._before: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while self._before:
                self._before.pop()()
        finally:
            while self._running:
                self._running.pop().stop()

    def before_stopping(self, undo: Callable[[], None]) -> None:
        """What is to be done while all that was started still runs, the last first."""
        self._before.append(undo)

    def last_words(self) -> str:
        """The end of what each wrote, for whoever looks into a failure."""
        outputs = [
            (running.name, running.last_words()) for running in self._running if running.is_alive or running.failed
        ]
        return "\n".join(f"--- {name}\n{words}" for name, words in outputs if words)

    def start(self, name: str, command: list[str], environment: Mapping[str, str] | None = None) -> Running:
        """Starts without waiting, in this environment unless another is given; what it writes goes to `name.log`."""
        running = Running(name, command, self._folder / f"{name}.log", environment)
        self._running.append(running)
        return running
