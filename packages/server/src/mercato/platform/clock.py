"""Time and ids, passed to constructors so that tests control both."""

import os
from datetime import UTC, datetime
from typing import Protocol

from mercato_contracts.ids import make_id


class Clock(Protocol):
    """Says what time it is."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class Ids(Protocol):
    """Makes ids and secrets."""

    def new(self, prefix: str) -> str:
        """A new id with this prefix: see `mercato_contracts.ids`."""
        ...

    def secret(self, size: int) -> bytes:
        """`size` random bytes that nobody can guess."""
        ...


class SystemIds:
    """Ids from the clock's milliseconds and the system's randomness."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def new(self, prefix: str) -> str:
        return make_id(prefix, int(self._clock.now().timestamp() * 1000), os.urandom(10))

    def secret(self, size: int) -> bytes:
        return os.urandom(size)
