"""Logs of a request carry its trace id, where the client sent one; with a collector, requests are traced."""

import httpx
import pytest
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mercato.edge.addresses import TrustedProxies
from mercato.edge.bodies import BodyRoom
from mercato.edge.middleware import Edge
from mercato.platform import SystemClock, SystemIds
from mercato_contracts.tracing import Tracer

_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def _tell_context(scope: Scope, receive: Receive, send: Send) -> None:
    assert Request(scope).method
    await JSONResponse(structlog.contextvars.get_contextvars())(scope, receive, send)


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        (f"00-{_TRACE}-00f067aa0ba902b7-01", _TRACE),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-{_TRACE}-00f067aa0ba902b7-01 injected", None),
        ("", None),
    ],
)
async def test_a_trace_id_is_logged_where_it_is_one(sent: str, logged: str | None) -> None:
    edge = Edge(_tell_context, SystemIds(SystemClock()), TrustedProxies(), BodyRoom())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://mercato.test") as client:
        context = (await client.get("/", headers={"traceparent": sent})).json()
    assert context.get("trace_id") == logged
    assert "request_id" in context
    assert "trace_id" not in structlog.contextvars.get_contextvars()


class _Kept:
    """A writer that keeps what it gets."""

    def __init__(self) -> None:
        self.spans: list[bytes] = []

    def add(self, span: bytes) -> None:
        self.spans.append(span)


async def _fail(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"code": "internal_error"}, status_code=500)(scope, receive, send)


async def _ask(app: ASGIApp, tracer: Tracer, trusts: bool, sent: str) -> httpx.Response:
    edge = Edge(app, SystemIds(SystemClock()), TrustedProxies(), BodyRoom(), tracer=tracer, trusts_callers=trusts)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://mercato.test") as client:
        return await client.get("/who?key=secret", headers={"traceparent": sent} if sent else {})


@pytest.mark.parametrize(("trusts", "spans"), [(True, 1), (False, 0)])
async def test_only_our_own_processes_decide_that_they_are_traced(trusts: bool, spans: int) -> None:
    kept = _Kept()
    answer = await _ask(_tell_context, Tracer(kept, 0.0), trusts, f"00-{_TRACE}-00f067aa0ba902b7-01")
    assert len(kept.spans) == spans
    assert answer.json()["trace_id"] == _TRACE


async def test_a_request_without_a_trace_gets_one_for_its_logs() -> None:
    kept = _Kept()
    answer = await _ask(_tell_context, Tracer(kept, 1.0), False, "")
    (span,) = kept.spans
    assert f'"traceId":"{answer.json()["trace_id"]}"'.encode() in span
    assert b"secret" not in span
    assert b"/who" not in span


async def test_a_failure_is_traced_in_any_case() -> None:
    kept = _Kept()
    await _ask(_fail, Tracer(kept, 0.0), False, f"00-{_TRACE}-00f067aa0ba902b7-00")
    (span,) = kept.spans
    assert b'"status":{"code":2,"message":"status_500"}' in span
    assert _TRACE.encode() in span
