"""The vendor's machine with tracing of its own, as a process: `traced_vendor.py PORT OTLP_URL`.

A call that comes with a `traceparent` leaves a span below it, sent in OTLP's JSON before the response ends.
"""

import secrets
import sys
import time

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.e2e.vendor_server import app


class Traced:
    """Sends a span for each request that is part of a trace."""

    def __init__(self, served: ASGIApp, otlp: str) -> None:
        self._served = served
        self._http = httpx.AsyncClient(base_url=otlp, timeout=60)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        parent = dict(scope.get("headers", ())).get(b"traceparent", b"").decode()
        began = time.time_ns()
        if parent:
            _, trace_id, parent_id, _ = parent.split("-")
            await self._send(trace_id, parent_id, scope["path"], began)
        await self._served(scope, receive, send)

    async def _send(self, trace_id: str, parent_id: str, path: str, began: int) -> None:
        span = {
            "traceId": trace_id, "spanId": secrets.token_hex(8), "parentSpanId": parent_id, "name": f"vendor {path}",
            "kind": 2, "startTimeUnixNano": str(began), "endTimeUnixNano": str(time.time_ns()),
        }  # fmt: skip
        named = [{"key": "service.name", "value": {"stringValue": "acme-vendor"}}]
        body = {"resourceSpans": [{"resource": {"attributes": named}, "scopeSpans": [{"spans": [span]}]}]}
        (await self._http.post("/v1/traces", json=body)).raise_for_status()


if __name__ == "__main__":
    uvicorn.run(
        Traced(app, sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False
    )
