"""The open client connections of one worker, by address: no address can use up all of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mercato_gateway.guesses import subject_of

if TYPE_CHECKING:
    from mercato_gateway.server import ClientConnection

_SHARE_TO_CLOSE = 16


class Connections:
    """At most `most` connections. When that many are open, an address (of IPv6 a network of 64 bits) with fewer of them
    than another may still connect, and connections of that other one without a call are closed.

    A fixed limit per address would be too low for clients behind one proxy, or too high to help.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._by_subject: dict[str, set[ClientConnection]] = {}

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> "Iterator[ClientConnection]":
        for connections in self._by_subject.values():
            yield from connections

    def add(self, connection: "ClientConnection") -> bool:
        """Whether it may stay open; it is counted in any case, until `discard`."""
        subject = connection.subject = subject_of(connection.address)
        own = self._by_subject.setdefault(subject, set())
        own.add(connection)
        self._size += 1
        if self._size <= self._most:
            return True
        largest = max(self._by_subject.values(), key=len)
        return len(largest) > len(own) and _close_some(largest)

    def discard(self, connection: "ClientConnection") -> None:
        """The connection is closed."""
        own = self._by_subject.get(connection.subject)
        if own is not None and connection in own:
            own.remove(connection)
            self._size -= 1
            if not own:
                del self._by_subject[connection.subject]


def _close_some(connections: "set[ClientConnection]") -> bool:
    """Closes those without a call, longest idle first, enough for some newcomers; false where there are none."""
    waiting = sorted((each for each in connections if each.may_be_closed()), key=lambda each: each.since)
    for connection in waiting[: len(connections) // _SHARE_TO_CLOSE + 1]:
        connection.abort()
    return bool(waiting)
