"""Reads a request's body whole before anybody works on the request, within a size, a time and a share of memory.

So a client that sends slowly, half or nothing holds its own connection and nothing else.
"""

import asyncio
from collections import Counter

from starlette.types import Message, Receive

from mercato.edge.problems import BodyTooLarge, BodyTooSlow
from mercato.platform import Unavailable

MAX_BODY_BYTES = 16 * 1024 * 1024
GRACE_SECONDS = 10.0
LEAST_BYTES_PER_SECOND = 8 * 1024
"""After the grace: 16 MiB may take half an hour at this pace, and 200 bytes ten seconds."""

_MOST_HELD = 256 * 1024 * 1024
_MOST_HELD_OF_ONE = 64 * 1024 * 1024


class ClientLeft(Exception):
    """The client closed the connection before its request was whole: there is nobody to answer."""


class BodyRoom:
    """How many bytes of bodies this process holds, for all and for each origin."""

    def __init__(self, *, most: int = _MOST_HELD, most_of_one: int = _MOST_HELD_OF_ONE) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._held = 0
        self._held_of: Counter[str] = Counter()

    @property
    def held(self) -> int:
        """Bytes."""
        return self._held

    @property
    def most(self) -> int:
        """Bytes that all may hold at once."""
        return self._most

    def take(self, origin: str, size: int) -> None:
        """Raises `Unavailable` where there is no room."""
        if self._held + size > self._most or self._held_of[origin] + size > self._most_of_one:
            raise Unavailable("Too many large requests are under way. Try again in 2 s.", retry_after_seconds=2)
        self._held += size
        self._held_of[origin] += size

    def give_back(self, origin: str, size: int) -> None:
        """All that was taken for one request."""
        self._held -= size
        self._held_of[origin] -= size
        if not self._held_of[origin]:
            del self._held_of[origin]


class Body:
    """One request's body. `receive` stands in for the server's once `read` is done; `close` gives its room back."""

    def __init__(self, receive: Receive, room: BodyRoom, origin: str, *, grace_seconds: float = GRACE_SECONDS) -> None:
        self._receive = receive
        self._room = room
        self._origin = origin
        self._grace_seconds = grace_seconds
        self._content = bytearray()
        self._taken = 0
        self._is_given = False

    async def read(self, declared: int | None) -> None:
        """Until its end. Raises `BodyTooLarge`, `BodyTooSlow`, `Unavailable`, `ClientLeft`."""
        if declared is not None and declared > MAX_BODY_BYTES:
            raise BodyTooLarge("The body has more than 16 MiB.")
        began = asyncio.get_running_loop().time()
        more = True
        while more:
            deadline = began + self._grace_seconds + len(self._content) / LEAST_BYTES_PER_SECOND
            message = await self._next(deadline)
            if message["type"] == "http.disconnect":
                raise ClientLeft
            self._add(message.get("body", b""))
            more = message.get("more_body", False)

    async def _next(self, deadline: float) -> Message:
        try:
            async with asyncio.timeout_at(deadline):
                return await self._receive()
        except TimeoutError:
            raise BodyTooSlow("The body did not come in time.") from None

    def _add(self, part: bytes) -> None:
        if len(self._content) + len(part) > MAX_BODY_BYTES:
            raise BodyTooLarge("The body has more than 16 MiB.")
        self._room.take(self._origin, len(part))
        self._taken += len(part)
        self._content += part

    async def receive(self) -> Message:
        """The whole body, once; then what the server has to say."""
        if self._is_given:
            return await self._receive()
        self._is_given = True
        content, self._content = bytes(self._content), bytearray()
        return {"type": "http.request", "body": content, "more_body": False}

    def close(self) -> None:
        """The request is over."""
        self._room.give_back(self._origin, self._taken)
        self._taken = 0
