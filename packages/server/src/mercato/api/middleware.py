"""What every request passes: an id, a limit on its body, a count of its answer."""

import re
import time

import structlog
from prometheus_client import Counter, Histogram
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mercato.platform import Ids
from mercato_contracts import ids as id_prefix

MAX_BODY_BYTES = 16 * 1024 * 1024
_TOO_LARGE = "The body has more than 16 MiB."
_SENT_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")
_ANSWERS = Counter("mercato_http_answers_total", "Answers of the control API", ["method", "route", "status"])
_SECONDS = Histogram("mercato_http_seconds", "Time to answer, in seconds", ["method", "route"])


class Edge:
    """Outermost: names the request, counts its bytes and its answer."""

    def __init__(self, app: ASGIApp, ids: Ids) -> None:
        self._app = app
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        sent_id = request.headers.get("x-request-id", "")
        request_id = sent_id if _SENT_ID.fullmatch(sent_id) else self._ids.new(id_prefix.REQUEST)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = _Answer(send, request_id)
        began = time.perf_counter()
        try:
            await self._app(scope, _Limited(request, receive), answer)
        finally:
            structlog.contextvars.unbind_contextvars("request_id")
            route = getattr(scope.get("route"), "path", "unmatched")
            _ANSWERS.labels(request.method, route, answer.status or 0).inc()
            _SECONDS.labels(request.method, route).observe(time.perf_counter() - began)


class _Limited:
    __slots__ = ("_declared", "_read", "_receive")

    def __init__(self, request: Request, receive: Receive) -> None:
        declared = request.headers.get("content-length", "0")
        self._declared = int(declared) if declared.isdecimal() else 0
        self._receive = receive
        self._read = 0

    async def __call__(self) -> Message:
        if self._declared > MAX_BODY_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > MAX_BODY_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        return message


class _Answer:
    __slots__ = ("_request_id", "_send", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", []),
                (b"x-request-id", self._request_id.encode()),
                (b"x-content-type-options", b"nosniff"),
            ]
        await self._send(message)
