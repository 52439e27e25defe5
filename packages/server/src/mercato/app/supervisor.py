"""Child processes: started, watched, restarted, stopped in order.

A child gets a pipe as standard input whose other end only this process holds. When this process dies, however it dies,
the kernel closes it and the child drains and ends (`mercato serve … --with-parent`).
"""

import collections
import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

from mercato.app.rotating_log import RotatingLog

Tell = Callable[[str], None]

_READY_SECONDS = 90.0
_DRAIN_SECONDS = 40.0
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_SECONDS = 60.0  # a child that lived this long is not in a crash loop
_TAIL_LINES = 15
_LOOK_SECONDS = 0.1


class ChildFailed(Exception):
    """A child ended, or was not ready in time, while the marketplace was being started."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs: `name` for people and its log file, its command line, the addresses that say it is ready."""

    name: str
    words: Sequence[str]
    environment: dict[str, str]
    ready_urls: Sequence[str]


class Child:
    """A running program. Its standard error goes to its log; errors are also printed."""

    def __init__(self, program: Program, log: RotatingLog, tell: Tell) -> None:
        self.program = program
        self._log = log
        self._tell = tell
        self._tail: collections.deque[str] = collections.deque(maxlen=_TAIL_LINES)
        self.began = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603
            program.words,
            env=program.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # A Ctrl-C in the terminal is for this process alone, which stops its children in their order.
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name=f"log {program.name}", daemon=True)
        self._reader.start()

    def is_ready(self) -> bool:
        """Whether each of its addresses answers 200."""
        return all(_answers(url) for url in self.program.ready_urls)

    def tail(self) -> str:
        """The last lines that it wrote."""
        self._reader.join(1)
        return "\n".join(self._tail)

    def stop(self, seconds: float) -> bool:
        """SIGTERM, and SIGKILL to whatever is left of it after that time. Whether it ended by itself."""
        self.process.terminate()
        try:
            self.process.wait(seconds)
            return True
        except subprocess.TimeoutExpired:
            return False
        finally:
            self.kill()

    def kill(self) -> None:
        """End it and all it started, now."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._log.write(line)
            text = line.decode(errors="replace").rstrip()
            self._tail.append(text)
            error = _error_in(text)
            if error:
                self._tell(f"{self.program.name}: {error}  (more in {self._log.path})")


class Supervisor:
    """Keeps programs running. `tell` hears a line for each thing that a person may want to know, also from threads."""

    def __init__(self, logs: Path, tell: Tell) -> None:
        self._logs = logs
        self._tell = tell
        self._children: dict[str, Child] = {}
        self._log_files: dict[str, RotatingLog] = {}
        self._pauses: dict[str, float] = {}
        self._due: dict[str, tuple[float, Program]] = {}
        self._news: SimpleQueue[Child | None] = SimpleQueue()
        self._wanted = True

    def ask_to_stop(self) -> None:
        """Safe in a signal handler. The first time children are drained, the second time they are killed."""
        if not self._wanted:
            for child in list(self._children.values()):
                child.process.kill()
        self._wanted = False
        self._news.put(None)

    @property
    def is_wanted(self) -> bool:
        """Whether nobody asked to stop yet."""
        return self._wanted

    def start(self, programs: Sequence[Program]) -> None:
        """Start them at once and wait until each is ready. Raises `ChildFailed`; returns early when asked to stop."""
        deadline = time.monotonic() + _READY_SECONDS
        waiting = [self._launch(program) for program in programs]
        while waiting and self._wanted:
            for child in list(waiting):
                if child.is_ready():
                    waiting.remove(child)
                    self._tell(f"{child.program.name:<14} ready in {time.monotonic() - child.began:.1f} s")
                elif child.process.poll() is not None:
                    raise ChildFailed(f"{child.program.name} ended with {_exit_of(child)}:\n{child.tail()}")
            if waiting and time.monotonic() > deadline:
                late = waiting[0]
                raise ChildFailed(f"{late.program.name} was not ready in {_READY_SECONDS:.0f} s:\n{late.tail()}")
            time.sleep(_LOOK_SECONDS)

    def watch(self) -> None:
        """Restart what dies, until asked to stop."""
        while self._wanted:
            now = time.monotonic()
            for name, (due, program) in list(self._due.items()):
                if due <= now:
                    del self._due[name]
                    self._launch(program)
            next_due = min((due for due, _ in self._due.values()), default=None)
            try:
                child = self._news.get(timeout=None if next_due is None else max(0.0, next_due - now))
            except Empty:
                continue
            if child is not None and self._children.get(child.program.name) is child and self._wanted:
                self._plan_restart(child)

    def stop(self) -> None:
        """Stop all, last started first; each has time to finish what it has in hand."""
        self._wanted = False
        for name, child in reversed(list(self._children.items())):
            if child.process.poll() is None:
                began = time.monotonic()
                by_itself = child.stop(_DRAIN_SECONDS)
                took = f"in {time.monotonic() - began:.1f} s" if by_itself else "by force: it did not end in time"
                self._tell(f"{name:<14} stopped {took}")
        for log in self._log_files.values():
            log.close()

    def _launch(self, program: Program) -> Child:
        if program.name not in self._log_files:
            self._log_files[program.name] = RotatingLog(self._logs / f"{program.name}.log")
        log = self._log_files[program.name]
        child = Child(program, log, self._tell)
        self._children[program.name] = child
        threading.Thread(target=self._await_end, args=(child,), name=f"end {program.name}", daemon=True).start()
        return child

    def _await_end(self, child: Child) -> None:
        child.process.wait()
        self._news.put(child)

    def _plan_restart(self, child: Child) -> None:
        name = child.program.name
        child.kill()  # what it started and left behind
        lived = time.monotonic() - child.began
        pause = _FIRST_PAUSE_SECONDS if lived > _STEADY_SECONDS else self._pauses.get(name, _FIRST_PAUSE_SECONDS)
        self._pauses[name] = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        self._due[name] = (time.monotonic() + pause, child.program)
        self._tell(f"{name} ended with {_exit_of(child)} after {lived:.0f} s; it starts again in {pause:.1f} s")


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=3)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _exit_of(child: Child) -> str:
    code = child.process.returncode
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _error_in(text: str) -> str | None:
    """What a JSON log line of level error or worse says."""
    try:
        line = json.loads(text)
        if line["level"] in ("error", "critical"):
            return str(line["event"])
    except (ValueError, KeyError, TypeError):
        pass
    return None
