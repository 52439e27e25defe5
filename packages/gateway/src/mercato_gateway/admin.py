"""The worker's own port: `/metrics`, `/healthz`, `/readyz`. Not for clients: it has no key, so it stays on loopback."""

import asyncio
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mercato_gateway.gateway import Gateway


class AdminConnection(asyncio.Protocol):
    """Answers one GET and closes."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._head = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._head += data
        assert self._transport is not None
        if b"\r\n\r\n" not in self._head:
            if len(self._head) > 8192:
                self._transport.abort()
            return
        words = self._head.split(b" ", 2)
        kind, status, body = b"application/json", "404 Not Found", b'{"status":"not found"}'
        if words[0] == b"GET" and words[1] == b"/metrics":
            kind, status = b"text/plain; version=0.0.4", "200 OK"
            body = self._gateway.metrics.render(self._gateway.gauges())
        elif words[1] in (b"/healthz", b"/readyz"):
            status, body = self._gateway.health(words[1])
        head = b"HTTP/1.1 %b\r\ncontent-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self._transport.write(head % (status.encode(), kind, len(body)) + body)
        self._transport.close()
