"""Logs of a request carry its trace id, where the client sent one."""

import httpx
import pytest
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from mercato.edge.addresses import TrustedProxies
from mercato.edge.bodies import BodyRoom
from mercato.edge.middleware import Edge
from mercato.platform import SystemClock, SystemIds

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
