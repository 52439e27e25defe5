"""Hashing of passwords and keys: argon2id, off the event loop, a bounded number at once.

Parameters m=19 MiB, t=2, p=1: the first choice of OWASP's Password Storage Cheat Sheet; 22 ms a verify, measured here.
"""

import asyncio
import hashlib
import math
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from mercato.identity.refusals import HashingBusy

_MOST_WAITING = 128
_MOST_WAITING_OF_ONE = 32
_FIRST_GUESS_SECONDS = 0.03
_NICENESS = 5

_ARGON2 = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class HashedSecret:
    """The encoded hash of a new secret, made before the transaction that stores it."""

    encoded: str


@cache
def _hash_decoy() -> str:
    """Stands for the hash of somebody who does not exist; one for a process."""
    return _ARGON2.hash("decoy")


class SecretHasher:
    """Argon2id in a small pool of threads (the library lets go of the interpreter while it hashes).

    Whoever acts for somebody outside takes a `place` first, before any question to the database: the queue is bounded.
    Never hash while a connection of the database is held.
    """

    def __init__(
        self, threads: int = 2, *, most_waiting: int = _MOST_WAITING, most_waiting_of_one: int = _MOST_WAITING_OF_ONE
    ) -> None:
        self._argon2 = _ARGON2
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2", initializer=_yield_to_the_event_loop)
        self._decoy = _hash_decoy()
        self._threads = threads
        self._most_waiting = most_waiting
        self._most_waiting_of_one = most_waiting_of_one
        self._turns = asyncio.Semaphore(2 * threads)
        self._waiting = 0
        self._waiting_of: Counter[str] = Counter()
        self._seconds_each = _FIRST_GUESS_SECONDS

    @property
    def waiting(self) -> int:
        """How many places are taken."""
        return self._waiting

    @property
    def most_waiting(self) -> int:
        """How many places there are."""
        return self._most_waiting

    @asynccontextmanager
    async def place(self, origin: str) -> AsyncIterator[None]:
        """A place in the queue; the block begins when its turn comes. Twice as many as threads have theirs, to look up
        what they check.

        Raises `HashingBusy` where the queue, or the origin's share of it, is full.
        """
        if self._waiting >= self._most_waiting or self._waiting_of[origin] >= self._most_waiting_of_one:
            raise HashingBusy(math.ceil(self._waiting * self._seconds_each / self._threads))
        self._waiting += 1
        self._waiting_of[origin] += 1
        try:
            async with self._turns:
                yield
        finally:
            self._waiting -= 1
            self._waiting_of[origin] -= 1
            if not self._waiting_of[origin]:
                del self._waiting_of[origin]

    async def hash(self, secret: str) -> str:
        """The encoded hash of `secret`, with its own salt and parameters."""
        return await self._run(lambda: self._argon2.hash(secret))

    async def hash_for(self, origin: str, secret: str) -> HashedSecret:
        """The hash of a new secret that somebody outside chose, in their turn. Raises `HashingBusy`."""
        async with self.place(origin):
            return HashedSecret(await self.hash(secret))

    async def verify(self, encoded: str | None, secret: str) -> bool:
        """Whether `secret` fits. `None` takes as long as a wrong one, so that time does not tell who exists."""
        fits = await self._run(lambda: self._fits(encoded or self._decoy, secret))
        return fits and encoded is not None

    async def _run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._measured, work)

    def _measured(self, work: Callable[[], Result]) -> Result:
        began = time.perf_counter()
        try:
            return work()
        finally:
            self._seconds_each += (time.perf_counter() - began - self._seconds_each) / 8

    def _fits(self, encoded: str, secret: str) -> bool:
        try:
            return self._argon2.verify(encoded, secret)
        except (VerificationError, InvalidHashError):
            return False


def digest(secret: str) -> str:
    """SHA-256 of a random secret of 256 bits: nothing to guess, so nothing slow is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _yield_to_the_event_loop() -> None:
    # Two hashing threads fill two cores. The event loop, which answers everybody else, goes first.
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
