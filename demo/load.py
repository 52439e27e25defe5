"""Many clients at once, each in a thread of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from demo.clients import Call, Client

LONGEST_SECONDS = 90


class NotAnswered(Exception):
    """A client could not get its calls done in time."""


@dataclass(frozen=True, slots=True)
class Job:
    """A client and how often it is to call."""

    client: Client
    calls: int


class Crew:
    """Clients at work. Each calls as often as its job says; where the crew `insists`, until that many were answered."""

    def __init__(self, jobs: Sequence[Job], *, insists: bool = False) -> None:
        self._jobs = jobs
        self._insists = insists
        self._made: list[list[Call]] = [[] for _ in jobs]
        self._stop = threading.Event()

    def work(self, watch: Callable[[int, int], None]) -> list[Call]:
        """All calls, when every client is through; meanwhile `watch(made, answered)` is called ten times a second."""
        pool = ThreadPoolExecutor(len(self._jobs))
        futures = [pool.submit(self._serve, *pair) for pair in zip(self._jobs, self._made, strict=True)]
        try:
            while not all(future.done() for future in futures):
                watch(*self._count())
                _raise_first(futures)
                time.sleep(0.1)
            watch(*self._count())
            _raise_first(futures)
        finally:
            self._stop.set()
            pool.shutdown()
            for job in self._jobs:
                job.client.close()
        return [call for made in self._made for call in made]

    def _serve(self, job: Job, made: list[Call]) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        done = 0
        while done < job.calls and not self._stop.is_set():
            if time.monotonic() > deadline:
                last = ", ".join(f"{call.code or call.status} after {call.seconds:.1f} s" for call in made[-8:])
                raise NotAnswered(f"{done} of {job.calls} calls done in {LONGEST_SECONDS} s; the last: {last}")
            made.append(job.client.call())
            if made[-1].answered or not self._insists:
                done += 1
            else:
                self._stop.wait(0.05)  # nobody is listening: a refused connection costs nothing and would spin

    def _count(self) -> tuple[int, int]:
        made = [call for calls in self._made for call in list(calls)]
        return len(made), sum(call.answered for call in made)


def _raise_first(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        if future.done() and (error := future.exception()) is not None:
            raise error
