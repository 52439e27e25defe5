"""Limits how many gateway requests of one kind a process handles at once, so no kind takes every connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mercato.platform import Unavailable


class Gate:
    """Admits `at_once` requests; `waiting` more may wait, and further ones are refused."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._room = at_once + waiting

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Hold a place while the block runs. Raises `Unavailable` if too many wait already."""
        if self._room <= 0:
            raise Unavailable("Too many questions of this kind wait for an answer.", retry_after_seconds=1)
        self._room -= 1
        try:
            async with self._turns:
                yield
        finally:
            self._room += 1


@dataclass(frozen=True, slots=True)
class Gates:
    """One per process.

    Together they leave connections of the pool (20) to everything else. Verifying a key costs milliseconds of a core;
    leases of one scope wait for each other in the database.
    """

    proofs: Gate = field(default_factory=lambda: Gate(at_once=4, waiting=200))
    leases: Gate = field(default_factory=lambda: Gate(at_once=4, waiting=2_000))
    usage: Gate = field(default_factory=lambda: Gate(at_once=4, waiting=200))
