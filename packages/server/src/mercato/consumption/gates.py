"""How many of a gateway's questions a process works on at once, so that none of a kind takes every connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from mercato.platform import Unavailable


class Gate:
    """Lets `at_once` in; `waiting` more may wait, and who comes then is sent away."""

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._room = at_once + waiting

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Work while the block lasts. Raises `Unavailable` where too many wait already."""
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
    """One a process. Together they leave connections of the pool (20) to everybody else.

    A proof of a key costs milliseconds of a core; leases of one scope wait for each other in the database.
    """

    proofs: Gate = field(default_factory=lambda: Gate(at_once=4, waiting=200))
    leases: Gate = field(default_factory=lambda: Gate(at_once=4, waiting=2_000))
    usage: Gate = field(default_factory=lambda: Gate(at_once=4, waiting=200))
