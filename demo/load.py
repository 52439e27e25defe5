"""Many clients at once, each in a thread of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from demo.clients import Call, Client

LONGEST_SECONDS = 120


class Crew:
    """Clients at work. Each calls `calls_each` times; where it `insists`, until that many were answered."""

    def __init__(self, clients: Sequence[Client], calls_each: int, *, insists: bool = False) -> None:
        self._clients = clients
        self._wanted = calls_each
        self._insists = insists
        self._made: list[list[Call]] = [[] for _ in clients]
        self._stop = threading.Event()

    def work(self, watch: Callable[[int, int], None]) -> list[Call]:
        """All calls, when every client is through; meanwhile `watch(made, answered)` is called ten times a second."""
        pool = ThreadPoolExecutor(len(self._clients))
        futures = [pool.submit(self._serve, *pair) for pair in zip(self._clients, self._made, strict=True)]
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
            for client in self._clients:
                client.close()
        return [call for made in self._made for call in made]

    def _serve(self, client: Client, made: list[Call]) -> None:
        deadline = time.monotonic() + LONGEST_SECONDS
        done = 0
        while done < self._wanted and not self._stop.is_set():
            if time.monotonic() > deadline:
                raise TimeoutError(f"a client got only {done} of {self._wanted} calls done in {LONGEST_SECONDS} s")
            made.append(client.call())
            if made[-1].answered or not self._insists:
                done += 1
            else:
                self._stop.wait(0.02)  # nobody is listening: a refused connection costs nothing and would spin

    def _count(self) -> tuple[int, int]:
        made = [call for calls in self._made for call in list(calls)]
        return len(made), sum(call.answered for call in made)


def _raise_first(futures: Sequence[Future[None]]) -> None:
    for future in futures:
        if future.done() and (error := future.exception()) is not None:
            raise error
