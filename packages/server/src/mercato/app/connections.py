"""How many connections a listener keeps, in all and of one address, and which one goes when there are too many.

A connection on which the process works is never closed for another. Where there are too many, the one that has waited
longest for its client goes: an idle one, a head or a body that is half sent. So whoever opens connections without end
loses their own, and the next client still gets in.
"""

import time
from dataclasses import dataclass
from typing import Protocol


class Waiting(Protocol):
    """A connection."""

    waits_since: float | None
    """Since when it has waited for its client, on the monotonic clock; `None` while it is worked on."""

    def give_way(self) -> None:
        """Close: its place is needed."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Of one listener. `of_one` is per address; times are in seconds."""

    total: int = 4_000
    of_one: int = 200
    head_seconds: float = 10.0
    """For a head from its first byte on, and for the first byte of a new connection."""
    stalled_seconds: float = 60.0
    """For a client to take some of an answer that waits for it."""
    head_bytes: int = 64 * 1024
    headers: int = 200


class Connections:
    """The open connections of one listener."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._of: dict[str, dict[Waiting, None]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def admit(self, address: str, connection: Waiting, *, is_shared: bool) -> bool:
        """Whether the connection may stay; another may have to go for it.

        A shared address is a proxy's: many clients are behind it, so the limit of one address is not for it.
        """
        own = self._of.get(address, {})
        if len(own) >= self.limits.of_one and not is_shared and not _make_way(own):
            return False
        if self._count >= self.limits.total and not _make_way(max(self._of.values(), key=len)):
            return False
        self._of.setdefault(address, {})[connection] = None
        self._count += 1
        return True

    def leave(self, address: str, connection: Waiting) -> None:
        """The connection is closed. Said of one that was not admitted, it changes nothing."""
        own = self._of.get(address, {})
        if connection not in own:
            return
        del own[connection]
        self._count -= 1
        if not own:
            del self._of[address]


def _make_way(connections: dict[Waiting, None]) -> bool:
    """Whether one of them could go."""
    now = time.monotonic()
    waiting = [each for each in connections if each.waits_since is not None]
    if not waiting:
        return False
    oldest = max(waiting, key=lambda each: now - (each.waits_since or now))
    oldest.give_way()
    return True
