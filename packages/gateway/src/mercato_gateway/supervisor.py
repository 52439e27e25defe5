"""The parent of the workers: owns the listening sockets, replaces workers that die, and all of them on SIGHUP.

Hot restart: the successor of each worker gets the same sockets and reports ready once it has routes. Only then its
predecessor stops accepting connections. The socket itself is never closed in between, so no connection in its queue is
lost.
"""

import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from mercato_gateway.listening import listen
from mercato_gateway.log import log
from mercato_gateway.settings import Settings, to_arguments

_LEAST_LIFE_SECONDS = 1.0
_READY_SECONDS = 60.0
_LOOK_SECONDS = 0.05
_REST_SECONDS = 30.0


class StateLocked(Exception):
    """Another gateway uses this state folder."""


class WorkerProcess:
    """A worker. It ends by itself when its parent is gone (`stdin` closes); it writes to `_pipe` once it serves."""

    def __init__(self, settings: Settings, slot: int, listeners: dict[str, socket.socket], *, successor: bool) -> None:
        self._pipe, ready = os.pipe()
        os.set_blocking(self._pipe, False)
        words = [f"--worker={slot}", f"--ready-fd={ready}"]
        words += [f"--{name}-fd={listener.fileno()}" for name, listener in listeners.items()]
        words += ["--successor"] if successor else []
        self.slot = slot
        self._terminated = False
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603  (our own module)
            [sys.executable, "-m", "mercato_gateway.main", *to_arguments(settings), *words],
            stdin=subprocess.PIPE,
            pass_fds=[ready, *(listener.fileno() for listener in listeners.values())],
        )
        os.close(ready)

    @property
    def pipe(self) -> int:
        """Becomes readable once the worker serves."""
        return self._pipe

    def is_ready(self) -> bool:
        """Whether it has reported that it serves."""
        try:
            return bool(os.read(self._pipe, 1))
        except BlockingIOError:
            return False

    def terminate(self) -> None:
        """Sends SIGTERM, once."""
        if not self._terminated:
            self._terminated = True
            self.process.terminate()

    def close(self) -> None:
        """Frees what was kept for it, once it has ended."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        os.close(self._pipe)


class Supervisor:
    """Runs `settings.workers` workers, one per slot; SIGHUP replaces them, SIGTERM and SIGINT stop them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._workers: dict[int, WorkerProcess] = {}
        self._successors: dict[int, WorkerProcess] = {}
        self._leaving: list[WorkerProcess] = []
        self._listeners: dict[int, dict[str, socket.socket]] = {}
        self._stopping = False
        self._renewing = False
        self._wake, self._waker = socket.socketpair()

    def run(self) -> None:
        """Returns when all workers have ended after SIGTERM or SIGINT."""
        lock = _lock(Path(self._settings.state))
        self._listen_to_signals()
        for slot in range(self._settings.workers):
            self._listeners[slot] = self._listen(slot)
        for slot in self._listeners:
            if not self._stopping:
                self._workers[slot] = self._start(slot)
        while self._workers or self._successors or self._leaving:
            self._rest()
            if self._stopping:
                self._end_workers()
            self._look()
        os.close(lock)

    def _listen_to_signals(self) -> None:
        """Makes every signal, SIGCHLD too, write a byte that wakes `_rest`."""
        for end in (self._wake, self._waker):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._renew)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def _rest(self) -> None:
        """Sleeps until a signal arrives or a successor is ready; only briefly where a successor has a deadline."""
        pipes: list[int] = [worker.pipe for worker in self._successors.values()]
        seconds = _LOOK_SECONDS if self._stopping else 1.0 if pipes else _REST_SECONDS
        if self._renewing and not pipes:
            return
        select.select([self._wake.fileno(), *pipes], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            self._wake.recv(4096)

    def _listen(self, slot: int) -> dict[str, socket.socket]:
        made = {"listen": listen(self._settings.listen)}
        if self._settings.admin:
            made["admin"] = listen(self._settings.admin, shift=slot)
        return made

    def _start(self, slot: int, *, successor: bool = False) -> WorkerProcess:
        return WorkerProcess(self._settings, slot, self._listeners[slot], successor=successor)

    def _look(self) -> None:
        self._leaving = [worker for worker in self._leaving if not _has_ended(worker)]
        for worker in list(self._successors.values()):
            self._look_at_successor(worker)
        for worker in list(self._workers.values()):
            if _has_ended(worker):
                self._replace(worker)
        if self._renewing and not self._successors and not self._stopping:
            self._renewing = False
            log("gateway_renewing", workers=len(self._workers))
            for slot in self._workers:
                self._successors[slot] = self._start(slot, successor=True)

    def _look_at_successor(self, worker: WorkerProcess) -> None:
        if _has_ended(worker):
            log("successor_died", worker=worker.slot, status=worker.process.returncode)
            del self._successors[worker.slot]
        elif worker.is_ready():
            del self._successors[worker.slot]
            old = self._workers.get(worker.slot)
            self._workers[worker.slot] = worker
            if old is not None:
                old.process.send_signal(signal.SIGHUP)
                self._leaving.append(old)
        elif time.monotonic() - worker.started > _READY_SECONDS:
            log(
                "successor_not_ready",
                worker=worker.slot,
                fix="the old worker goes on; check that the control plane answers",
            )
            worker.process.terminate()
            del self._successors[worker.slot]
            self._leaving.append(worker)

    def _replace(self, worker: WorkerProcess) -> None:
        del self._workers[worker.slot]
        if self._stopping:
            return
        log("worker_died", worker=worker.slot, status=worker.process.returncode)
        while not self._stopping and time.monotonic() - worker.started < _LEAST_LIFE_SECONDS:
            time.sleep(_LOOK_SECONDS)
        if not self._stopping:
            self._workers[worker.slot] = self._start(worker.slot)

    def _renew(self, number: int, frame: FrameType | None) -> None:
        self._renewing = True

    def _stop(self, number: int, frame: FrameType | None) -> None:
        # Only recorded: a worker that is just being started is in no list yet and would not be stopped.
        self._stopping = True

    def _end_workers(self) -> None:
        # The workers must be the last holders: they accept what waits in the queues, then close.
        for listeners in self._listeners.values():
            for listener in listeners.values():
                listener.close()
        for worker in (*self._workers.values(), *self._successors.values(), *self._leaving):
            worker.terminate()


def end_with_parent() -> None:
    """Drains and ends when standard input ends: the process that started this one holds the other end."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _has_ended(worker: WorkerProcess) -> bool:
    if worker.process.poll() is None:
        return False
    worker.close()
    return True


def _lock(state: Path) -> int:
    """Locks the folder for as long as this process lives. Raises `StateLocked`."""
    state.mkdir(parents=True, exist_ok=True)
    lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StateLocked(f"{state} belongs to a running gateway; send it SIGHUP, or choose another --state") from None
    return lock
