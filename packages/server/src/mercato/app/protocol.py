"""HTTP/1.1 as uvicorn speaks it, with what it lacks: limits on heads, slowness and connections."""

import time
from asyncio import TimerHandle, Transport
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mercato.app.connections import Connections
from mercato.edge.addresses import UNKNOWN, TrustedProxies

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%b"
)
_HEAD_REFUSED = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_BUSY_BODY = (
    b'{"type":"urn:mercato:problem:temporarily_unavailable","title":"Temporarily unavailable","status":503,'
    b'"code":"temporarily_unavailable","detail":"Too many requests of your address are under way. Try again in 1 s.",'
    b'"fix":"Try again after the time in `Retry-After`.","errors":[],"facts":{}}'
)


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `open_connections` and `proxies` are its listener's; see `bounded`."""

    open_connections: ClassVar[Connections]
    proxies: ClassVar[TrustedProxies]

    waits_since: float | None = None
    _address = UNKNOWN
    _heads = 0
    _head_bytes = 0
    _in_head = True
    _head_timer: TimerHandle | None = None
    _stall_timer: TimerHandle | None = None
    _was_refused = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._address = self.client[0] if self.client else UNKNOWN
        self.waits_since = time.monotonic()
        is_shared = self.proxies.trusts(self._address)
        if not self.open_connections.admit(self._address, self, is_shared=is_shared):
            self._refuse(_BUSY % (len(_BUSY_BODY), _BUSY_BODY))
            return
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self.open_connections.leave(self._address, self)
        self._stop_head_timer()
        self._stop_stall_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._was_refused:
            return
        began_in_head, heads = self._in_head, self._heads
        super().data_received(data)
        # Only what is certainly a head counts as one: data in which a head or a body ended holds something else too.
        if began_in_head and self._heads == heads and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > self.open_connections.limits.head_bytes:
                self._refuse(_HEAD_REFUSED)
            elif self._head_timer is None:
                self._start_head_timer()

    def on_header(self, name: bytes, value: bytes) -> None:
        # What follows a body in chunks is no header of the request: nobody has checked it as one.
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._head_bytes, self._heads = False, 0, self._heads + 1
        self._stop_head_timer()
        limits = self.open_connections.limits
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > limits.head_bytes or len(self.headers) > limits.headers:
            self._refuse(_HEAD_REFUSED)
            return
        self.waits_since = time.monotonic()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._was_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head = True
        if self._was_refused:
            return
        self.waits_since = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:
            self.waits_since = time.monotonic()
        if self.transport.is_closing():
            self._start_stall_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_stall_timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_stall_timer()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        # What is left of the answer still goes out, to a client that takes it.
        self._start_stall_timer()

    def handle_websocket_upgrade(self) -> None:
        """The connection keeps its place until the protocol that takes over loses it."""
        super().handle_websocket_upgrade()
        self.waits_since = None
        after = self.transport.get_protocol()
        lost = after.connection_lost

        def leave(error: Exception | None) -> None:
            self.open_connections.leave(self._address, self)
            lost(error)

        after.connection_lost = leave  # type: ignore[assignment, method-assign]

    def give_way(self) -> None:
        """Close at once: the place is needed, and the client has kept it waiting."""
        self.waits_since = None
        self.open_connections.leave(self._address, self)
        self.transport.abort()

    def _refuse(self, answer: bytes) -> None:
        self._was_refused = True
        self.transport.write(answer)
        self.transport.close()
        self._start_stall_timer()

    def _head_late(self) -> None:
        self._head_timer = None
        self.transport.abort()

    def _start_head_timer(self) -> None:
        self._stop_head_timer()
        self._head_timer = self.loop.call_later(self.open_connections.limits.head_seconds, self._head_late)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _start_stall_timer(self) -> None:
        if self._stall_timer is None:
            seconds = self.open_connections.limits.stalled_seconds
            self._stall_timer = self.loop.call_later(seconds, self.transport.abort)

    def _stop_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None


def bounded(connections: Connections, proxies: TrustedProxies) -> type[BoundedProtocol]:
    """The protocol of one listener, as uvicorn wants it: a class."""
    return type("BoundedProtocol", (BoundedProtocol,), {"open_connections": connections, "proxies": proxies})
