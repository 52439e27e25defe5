"""Answers that are the same for everybody, given again from memory until what they were made of changes."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from prometheus_client import Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ROOM_BYTES = 32 << 20
_LARGEST_BYTES = 1 << 20
_ASKED = Counter("mercato_answer_cache_total", "Requests that an answer in memory could serve", ["path", "result"])
_FROM_MEMORY = (b"cache-status", b"mercato; hit")
"""RFC 9211."""

Version = Callable[[], Hashable | None]
"""What answers are made of; another value makes all answers before it stale. `None`: nothing may be kept now."""


@dataclass(frozen=True, slots=True)
class _Kept:
    version: Hashable
    start: Message
    body: bytes
    route: Any


class AnswerCache:
    """Stands in front of the router, which costs most of a request whose answer is known.

    Only a GET of these paths without credentials is served: whoever shows some may see more than others, and asks the
    router. The address is the key as it was sent, so two spellings of one question are kept apart.
    """

    def __init__(self, app: ASGIApp, versions: dict[str, Version], room_bytes: int = _ROOM_BYTES) -> None:
        self._app = app
        self._versions = versions
        self._room_bytes = room_bytes
        self._bytes = 0
        self._kept: OrderedDict[tuple[str, bytes], _Kept] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        version_of = self._versions.get(scope.get("path", "")) if scope["type"] == "http" else None
        if version_of is None or scope["method"] != "GET" or _shows_credentials(scope):
            await self._app(scope, receive, send)
            return
        key, version = (scope["path"], scope["query_string"]), version_of()
        kept = self._kept.get(key)
        if kept is not None and version is not None and kept.version == version:
            self._kept.move_to_end(key)
            _ASKED.labels(scope["path"], "hit").inc()
            await _give(kept, scope, send)
            return
        _ASKED.labels(scope["path"], "miss").inc()
        recorder = _Recorder(send)
        await self._app(scope, receive, recorder)
        # An answer that a change overtook may be of before or after it.
        if version is not None and recorder.start is not None and recorder.is_whole and version_of() == version:
            self._keep(key, _Kept(version, recorder.start, bytes(recorder.body), scope.get("route")))

    def _keep(self, key: tuple[str, bytes], answer: _Kept) -> None:
        self._forget(key)
        self._kept[key] = answer
        self._bytes += _size(key, answer)
        while self._bytes > self._room_bytes:
            self._forget(next(iter(self._kept)))

    def _forget(self, key: tuple[str, bytes]) -> None:
        known = self._kept.pop(key, None)
        if known is not None:
            self._bytes -= _size(key, known)


class _Recorder:
    """Passes an answer on and remembers it, if it is a 200 of ordinary size that its route lets anybody keep."""

    __slots__ = ("_send", "body", "is_whole", "start")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.start: Message | None = None
        self.body = bytearray()
        self.is_whole = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            headers = list(message["headers"])
            if not any(_forbids(name.lower(), value) for name, value in headers):
                self.start = {"type": "http.response.start", "status": 200, "headers": headers}
        elif message["type"] == "http.response.body" and self.start is not None:
            self.body += message.get("body", b"")
            self.is_whole = not message.get("more_body", False)
            if len(self.body) > _LARGEST_BYTES:
                self.start = None
        await self._send(message)


def _forbids(name: bytes, value: bytes) -> bool:
    """Whether this header is of an answer that is nobody else's, or that its route wants asked anew."""
    return name == b"set-cookie" or (name == b"cache-control" and b"no-store" in value)


async def _give(kept: _Kept, scope: Scope, send: Send) -> None:
    if kept.route is not None:
        scope["route"] = kept.route  # by which answers are counted
    # Those outside add headers of their own to the list.
    await send({**kept.start, "headers": [*kept.start["headers"], _FROM_MEMORY]})
    await send({"type": "http.response.body", "body": kept.body})


def _shows_credentials(scope: Scope) -> bool:
    return any(name in (b"authorization", b"cookie") for name, _ in scope["headers"])


def _size(key: tuple[str, bytes], answer: _Kept) -> int:
    return len(answer.body) + len(key[1]) + 1_000
