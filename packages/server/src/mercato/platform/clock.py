"""Time and ids, passed to constructors so that tests control both."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from mercato_contracts.ids import make_id

_TOLERATED = timedelta(seconds=5)
"""By which a machine's own clock may differ from what it is told, and is still the better one."""


class Clock(Protocol):
    """Says what time it is."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""
        ...


def _machine_time() -> datetime:
    return datetime.now(UTC)


class SystemClock:
    """The machine's clock or, while that is found to be wrong, the time that was told instead (`database_time`).

    Leases, sessions, deadlines and periods of billing compare times that different machines wrote.
    """

    def __init__(self, machine: Callable[[], datetime] = _machine_time) -> None:
        self._machine = machine
        self._told: tuple[datetime, float] | None = None  # and the monotonic seconds then

    @property
    def is_corrected(self) -> bool:
        """Whether the machine's clock is wrong, and not used."""
        return self._told is not None

    def now(self) -> datetime:
        if self._told is None:
            return self._machine()
        told, at = self._told
        return told + timedelta(seconds=time.monotonic() - at)

    def hear(self, told: datetime, began: float, ended: float) -> timedelta:
        """`told` was the time at some moment between two of the monotonic clock's, in seconds. Returns by how much the
        machine's clock is ahead of it.
        """
        at = (began + ended) / 2
        ahead = self._machine() - timedelta(seconds=time.monotonic() - at) - told
        is_right = abs(ahead) <= _TOLERATED + timedelta(seconds=ended - began)
        self._told = None if is_right else (told.astimezone(UTC), at)
        return ahead


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
