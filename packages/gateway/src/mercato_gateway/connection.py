"""One connection to a deployment: a raw protocol over a native parser.

A call takes a connection from a pool (see `upstream`), sends its request, and is called back by `upstream_head`,
`upstream_data` and `upstream_lost`. Redirects are answers like any other. The head of an answer that the parser read
recently is recognised by its bytes, on all connections of a pool (see `heads`).
"""

import asyncio
import socket
from typing import TYPE_CHECKING, cast

import httptools

from mercato_gateway.headers import Headers, without_secret
from mercato_gateway.heads import AnswerHead
from mercato_gateway.peer import Peer

if TYPE_CHECKING:
    from mercato_gateway.upstream import Pool

_MAX_HEAD = 64 << 10
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux has it


class UpstreamCall:
    """The callbacks of a connection to the call that it serves. A base class: compiled calls of its methods look up no
    names.
    """

    done: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether the request may be handled twice."""
        raise NotImplementedError

    def connected(self, connection: "UpstreamConnection") -> None:
        """The connection is the call's own until it is released or closed."""
        raise NotImplementedError

    def connect_failed(self, code: str, detail: str) -> None:
        """Nothing was sent."""
        raise NotImplementedError

    def no_connection_free(self) -> None:
        """Nothing was sent, although nothing is wrong with the upstream: too many calls wait for it already."""
        raise NotImplementedError

    def upstream_head(self, head: AnswerHead, length: bytes) -> None:
        """The final status and headers, before any body. `length` has the digits of this answer's content length, which
        a recognised head does not know; empty where the answer has none.
        """
        raise NotImplementedError

    def upstream_data(self, chunks: list[bytes], complete: bool) -> None:
        """Chunks of the body, at first perhaps none; `complete` once, at the end."""
        raise NotImplementedError

    def upstream_lost(self, code: str, detail: str) -> None:
        """The answer broke off, or never began."""
        raise NotImplementedError

    def upstream_stale(self, *, unprocessed: bool) -> None:
        """The upstream closed a connection that had served other calls, before any byte of this answer. `unprocessed`
        where the request provably reached no handler.
        """
        raise NotImplementedError


class UpstreamConnection:
    """One keep-alive connection, with the methods of an `asyncio.Protocol`; serves one call at a time.

    Without that base class mypyc makes it a native class.
    """

    __slots__ = (
        "_chunks", "_complete", "_first", "_head", "_head_bytes", "_head_done", "_head_pending", "_headers",
        "_interim", "_parser", "_paused_call", "_peer", "call", "head_only", "idle_since", "pool", "reusable",
        "served", "transport",
    )  # fmt: skip

    def __init__(self, pool: "Pool") -> None:
        self.pool = pool
        self.call: UpstreamCall | None = None
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self._parser = httptools.HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._headers: Headers = []
        self._paused_call = False
        self.idle_since = 0.0
        self.reusable = True
        self.served = 0
        self.head_only = False
        self._reset()

    def _reset(self) -> None:
        self._headers = []
        self._head_bytes = 0
        self._head: AnswerHead | None = None
        self._first = b""
        self._head_done = self._head_pending = self._complete = self._interim = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._peer = Peer(transport)

    def is_quiet(self) -> bool:
        """Whether nothing arrived since the last answer: no bytes, which would belong to no call, and no end."""
        return self._peer.is_quiet()

    def send(self, call: UpstreamCall, request: bytes, head_only: bool) -> None:
        """Sends a whole request; `head_only` where the answer has no body whatever its head claims (HEAD)."""
        self.call = call
        self.head_only = head_only
        self.served += 1
        self._peer.sends(len(request))
        self.transport.write(request)

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        if self._complete:
            self.reusable = False  # a second answer to one request: it must not reach a call

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_done:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self._complete:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self._interim = True
            self._first = b""
            self.reusable = self.reusable and status != 101
            return
        self._head_done = self._head_pending = True
        if self.pool.secret:
            self._headers = without_secret(self._headers, self.pool.secret)
        head = self._head = AnswerHead(status, self._headers)
        if self._first and status not in (204, 304) and self._parser.should_keep_alive():
            self.pool.learn(head, self._first)
        if self.head_only:
            # The parser cannot know that no body follows, so the connection is not used again.
            self._complete = True
            self.reusable = False

    def on_body(self, body: bytes) -> None:
        if not self._complete:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            self._headers = []
            return
        self._complete = True
        if not self._parser.should_keep_alive():
            self.reusable = False

    # Callbacks of the transport.

    def data_received(self, data: bytes) -> None:
        call = self.call
        if call is None:
            self.close()
            return
        if self._head_bytes == 0 and not self.head_only:
            known = self.pool.usual
            shape = known.print if known is not None else None
            body = shape.body_of(data) if shape is not None else None
            if known is not None and body is not None:
                self.call = None
                self.pool.give_back(self)
                call.upstream_head(known, b"%d" % len(body))
                call.upstream_data([body], True)
                return
        self._parse(call, data)

    def _parse(self, call: UpstreamCall, data: bytes) -> None:
        if not self._head_done:
            self._first = b"" if self._head_bytes or self.head_only else data
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._complete:
                self._fail("upstream_bad_answer", f"Its answer is not HTTP/1.1: {error}.")
                return
            self.reusable = False  # more than was announced: the answer is complete, but the connection is not usable
        head_pending, head = self._head_pending, self._head
        if head_pending and head is not None:
            self._head_pending = False
            call.upstream_head(head, head.length)
            if self.call is None:
                return
        elif not self._head_done:
            if self._head_bytes > _MAX_HEAD or not self.reusable:
                self._fail("upstream_bad_answer", "Its headers are too large, or it switched protocols.")
            return
        chunks = self._chunks
        if self._complete:
            self._chunks = []
            self._finish(call, chunks)
        elif chunks or head_pending:
            if head_pending:
                self._acknowledge()
            self._chunks = []
            call.upstream_data(chunks, False)

    def _acknowledge(self) -> None:
        """Lets the kernel acknowledge the head now. A server without TCP_NODELAY that writes head and body apart, as
        Python's `http.server` does, holds the body back until then (Nagle): 40 ms with a delayed acknowledgement.
        """
        if _QUICK_ACK is not None and not self.transport.is_closing():
            self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    def _finish(self, call: UpstreamCall, chunks: list[bytes]) -> None:
        self.call = None
        self._reset()
        self.pool.give_back(self)
        call.upstream_data(chunks, True)

    def _fail(self, code: str, detail: str) -> None:
        call, self.call = self.call, None
        self.close()
        if call is not None:
            call.upstream_lost(code, detail)

    def eof_received(self) -> bool:
        """The upstream sends no more. What the kernel knows about it is gone once the transport has closed."""
        if self.call is not None and self._is_stale():
            self._end_stale(unprocessed=self._peer.acknowledged_nothing())
        return False

    def _is_stale(self) -> bool:
        return self.served > 1 and self._head_bytes == 0

    def _end_stale(self, *, unprocessed: bool) -> None:
        call, self.call = self.call, None
        self.pool.closed_by_peer(self)
        self.close()
        if call is not None:
            call.upstream_stale(unprocessed=unprocessed)

    def connection_lost(self, exc: Exception | None) -> None:
        call = self.call
        if call is None:
            if self.reusable:
                self.pool.closed_by_peer(self)
        elif self._is_stale():
            self._end_stale(unprocessed=False)
            call = None
        self.call = None
        self.reusable = False
        self.pool.forget(self)
        if call is None:
            return
        if self._head_done and self._ends_with_connection() and exc is None:
            call.upstream_data([], True)
        else:
            call.upstream_lost("upstream_unreachable", "It closed the connection before its answer was whole.")

    def _ends_with_connection(self) -> bool:
        """Whether the end of the connection is the end of the answer: neither a length nor chunks were announced (RFC
        9112, 6.3).
        """
        return not any(name in (b"content-length", b"transfer-encoding") for name, _ in self._headers)

    def pause_writing(self) -> None:
        """Nothing to hold back: the request is in memory, complete and bounded."""

    def resume_writing(self) -> None:
        """See `pause_writing`."""

    def pause_reading(self) -> None:
        """The client reads too slowly: read no more from upstream."""
        if not self._paused_call and not self.transport.is_closing():
            self._paused_call = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """The client caught up."""
        if self._paused_call:
            self._paused_call = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def close(self) -> None:
        """Ends the connection; its call is not called back any longer."""
        self.call = None
        self.reusable = False
        self.transport.abort()
