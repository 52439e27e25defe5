"""The small parent of several workers: starts them, replaces those that die, passes signals on."""

import signal
import subprocess
import sys
import time
from types import FrameType

from mercato_gateway.log import log
from mercato_gateway.settings import Settings, to_arguments

_LEAST_LIFE_SECONDS = 1.0


class Supervisor:
    """Runs `settings.workers` worker processes. A worker ends by itself when its parent is gone (its pipe closes)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._workers: dict[int, subprocess.Popen[bytes]] = {}
        self._started: dict[int, float] = {}
        self._stopping = False

    def run(self) -> None:
        """Returns when all workers have ended after SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for worker in range(self._settings.workers):
            self._start(worker)
        while self._workers:
            time.sleep(0.1)
            for worker, process in list(self._workers.items()):
                if process.poll() is not None:
                    self._ended(worker, process)

    def _start(self, worker: int) -> None:
        command = [sys.executable, "-m", "mercato_gateway.main", *to_arguments(self._settings), f"--worker={worker}"]
        self._workers[worker] = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603  (our own module)
        self._started[worker] = time.monotonic()

    def _ended(self, worker: int, process: subprocess.Popen[bytes]) -> None:
        del self._workers[worker]
        if process.stdin is not None:
            process.stdin.close()
        if self._stopping:
            return
        log("worker_died", worker=worker, status=process.returncode)
        time.sleep(max(0.0, _LEAST_LIFE_SECONDS - (time.monotonic() - self._started[worker])))
        self._start(worker)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        for process in self._workers.values():
            process.terminate()
