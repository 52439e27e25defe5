"""What every request passes: an id, its client's address, its whole body, headers of the answer, a count of it."""

import re
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mercato.edge.addresses import UNKNOWN, TrustedProxies, origin_of
from mercato.edge.bodies import Body, BodyRoom, ClientLeft
from mercato.edge.problems import ErrorPage, render
from mercato.platform import Ids, Refusal, traced
from mercato_contracts import ids as id_prefix

if TYPE_CHECKING:
    from mercato_contracts.tracing import OpenSpan, Tracer

_SENT_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")
_TRACE = re.compile(r"00-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C trace context: logs carry its trace id, so that they are found from a trace."""
_UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})
"""Asked every few seconds by machines."""
_FAILED = 500
_CLIENT_LEFT = 499
"""Not sent to anybody: what the count of answers says where the client was gone."""

_ANSWERS = Counter("mercato_http_answers_total", "Answers of the control API", ["method", "route", "status"])
_SECONDS = Histogram("mercato_http_seconds", "Time to answer, in seconds", ["method", "route"])


class Edge:
    """Outermost: names the request, reads its body, counts its answer.

    A `tracer` writes a span for each request in the sample. Callers of the internal port (`trusts_callers`) decide
    whether theirs are.
    """

    def __init__(
        self,
        app: ASGIApp,
        ids: Ids,
        proxies: TrustedProxies,
        room: BodyRoom,
        error_page: ErrorPage | None = None,
        tracer: "Tracer | None" = None,
        trusts_callers: bool = False,
    ) -> None:
        self._tracer = tracer
        self._trusts_callers = trusts_callers
        self._app = app
        self._ids = ids
        self._proxies = proxies
        self._room = room
        self._error_page = error_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                self._name_client(scope)
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        sent_id = request.headers.get("x-request-id", "")
        request_id = sent_id if _SENT_ID.fullmatch(sent_id) else self._ids.new(id_prefix.REQUEST)
        scope.setdefault("state", {}).update(request_id=request_id, error_page=self._error_page)
        self._name_client(scope)
        span = self._begin_span(request)
        trace = _TRACE.fullmatch(request.headers.get("traceparent", ""))
        trace_id = span.context.trace_id if span is not None else trace[1] if trace else None
        structlog.contextvars.bind_contextvars(request_id=request_id, **({"trace_id": trace_id} if trace_id else {}))
        answer = _Answer(send, request_id)
        began = time.perf_counter()
        broke = ""
        try:
            with nullcontext() if span is None else traced(span):
                await self._pass(scope, receive, answer)
        except Exception as error:
            broke = type(error).__name__  # answered outside, with 500
            raise
        finally:
            structlog.contextvars.unbind_contextvars("request_id", "trace_id")
            route = getattr(scope.get("route"), "path", "unmatched")
            _ANSWERS.labels(request.method, route, answer.status or _CLIENT_LEFT).inc()
            _SECONDS.labels(request.method, route).observe(time.perf_counter() - began)
            if span is not None:
                status = answer.status or (_FAILED if broke else _CLIENT_LEFT)
                _end_span(span, request.method, route, request_id, status, broke)

    def _begin_span(self, request: Request) -> "OpenSpan | None":
        if self._tracer is None or request.url.path in _UNTRACED:
            return None
        return self._tracer.begin(request.headers.get("traceparent", ""), trusts_caller=self._trusts_callers)

    def _name_client(self, scope: Scope) -> None:
        peer, port = scope.get("client") or (UNKNOWN, 0)
        origin = self._proxies.origin_of(peer, Headers(scope=scope))
        scope["client"] = (origin.address or UNKNOWN, port)
        scope.setdefault("state", {})["is_origin_certain"] = origin.is_certain

    async def _pass(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        request = Request(scope)
        body = Body(receive, self._room, origin_of(request))
        try:
            if _has_body(request):
                await body.read(_declared(request))
                receive = body.receive
            await self._app(scope, receive, answer)
        except ClientLeft:
            return
        except Refusal as refusal:
            # The rest of the body is not read, so the connection cannot be used again.
            await render(refusal, request, {"connection": "close"})(scope, receive, answer)
        finally:
            body.close()


def _end_span(span: "OpenSpan", method: str, route: str, request_id: str, status: int, broke: str) -> None:
    """Only the route is exported, never the address: callers may have written anything into it."""
    from mercato_contracts.tracing import SERVER

    error = broke or (f"status_{status}" if status >= _FAILED else "")
    attributes: dict[str, str | int | bool] = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
        "mercato.request_id": request_id,
    }
    if error:
        attributes["error.type"] = error
    span.end(f"{method} {route}", SERVER, attributes, error)


def _has_body(request: Request) -> bool:
    return "transfer-encoding" in request.headers or _declared(request) != 0


def _declared(request: Request) -> int | None:
    """`Content-Length`; 0 where there is none, `None` where it is no number."""
    text = request.headers.get("content-length", "0")
    return int(text) if text.isascii() and text.isdecimal() else None


class _Answer:
    __slots__ = ("_request_id", "_send", "status")

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["x-request-id"] = self._request_id
            headers["x-content-type-options"] = "nosniff"
            # What an API answers is somebody's own unless the route says otherwise: no cache keeps it.
            headers.setdefault("cache-control", "no-store")
            headers.setdefault("content-security-policy", "default-src 'none'; frame-ancestors 'none'")
        await self._send(message)
