"""The client's side: one protocol per connection over a strict native parser, one call at a time.

The parser refuses ambiguous framing (both lengths, folded headers, bare line feeds, two lengths). This file refuses
what the parser lets pass: other transfer codings, missing or repeated Host, HTTP/0.9, sizes and times. A head that this
connection's parser read before is recognised by its bytes and not parsed again (see `heads`).
"""

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, cast

import httptools

from mercato_gateway.call import Call
from mercato_gateway.headers import Headers
from mercato_gateway.heads import RequestHead, take_print
from mercato_gateway.refusals import Refused, answer
from mercato_gateway.settle import call_digits

if TYPE_CHECKING:
    from mercato_gateway.gateway import Gateway

_MAX_TARGET = 8192
_MAX_HEADERS = 200
_MAX_PIPELINED = 64
_WRITE_HIGH = 256 << 10
_CHUNK_OVERHEAD = 64 << 10
_SLOWEST_BODY = 10_000  # bytes a second, once the time that every body has is over
_LINGER_SECONDS = 1.0
_monotonic = time.monotonic
OWN_PATHS = frozenset({b"/healthz", b"/readyz", b"/openapi.json"})
_CLOSE = b"connection: close\r\n"
_KEEP_ALIVE = b"connection: keep-alive\r\n"

# After so many heads in a row that differ from the one before, heads are no longer compared.
_MOST_MISSES = 20

Request = tuple[RequestHead, bytes]


class ClientConnection:
    """A client's connection, with the methods of an `asyncio.Protocol`: without that base class mypyc makes it a native
    class.

    `reading` is what it waits for, `since` when that began.
    """

    __slots__ = (
        "_begins_raw", "_between", "_body_size", "_chunks", "_expects", "_failed", "_first", "_gateway", "_gone",
        "_head", "_head_done", "_headers", "_heads_read", "_known", "_max_body", "_max_header", "_message_bytes",
        "_misses", "_parser", "_paused_reading", "_queue", "_raw", "_url", "call", "closing", "http10", "reading",
        "since", "subject", "transport",
    )  # fmt: skip

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Request] = deque()
        self._max_body = gateway.settings.max_body_bytes
        self._max_header = gateway.settings.max_header_bytes
        self._paused_reading = False
        self._failed = False  # reads no more
        self._gone = False  # writes no more
        self._known: RequestHead | None = None
        self._misses = 0
        self._heads_read = 0
        self._between = True
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.call: Call | None = None
        self.closing = False
        self.http10 = False
        self.reading = ""
        self.since = _monotonic()
        self.subject = ""  # the client address that it is counted for
        # The chunks of the head that is being read, perhaps with the end of the message before it.
        self._raw: list[bytes] = []
        self._begins_raw = False
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: Headers = []
        self._head: RequestHead | None = None
        self._chunks: list[bytes] = []
        self._body_size = 0
        self._message_bytes = 0
        self._head_done = False
        self._expects = False  # the client waits for `100 Continue`, due once the calls before it are answered
        self._first = b""  # the first chunk of this message, where its whole head may be in it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(_WRITE_HIGH)
        if not self._gateway.connections.add(self):
            self._refuse_early(Refused("busy", "Too many connections are open."))

    def connection_lost(self, exc: Exception | None) -> None:
        self._gateway.connections.discard(self)
        self._failed = self._gone = True
        self._queue.clear()
        call, self.call = self.call, None
        if call is not None:
            call.left()

    def may_be_closed(self) -> bool:
        """Whether no call uses it."""
        return self.call is None and not self._queue and not self._failed

    @property
    def address(self) -> str:
        """The client's IP address."""
        peer = self.transport.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    # Callbacks of the parser.

    def on_message_begin(self) -> None:
        self._between = False

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > _MAX_TARGET:
            raise Refused("target_too_long", f"The URL is longer than {_MAX_TARGET} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_done:
            return  # trailers are not passed on
        self._headers.append((name.lower(), value))
        if len(self._headers) > _MAX_HEADERS:
            raise Refused("headers_too_large", f"There are more than {_MAX_HEADERS} headers.")

    def on_headers_complete(self) -> None:
        self._head_done = True
        parser, headers = self._parser, self._headers
        if parser.should_upgrade():
            raise Refused("unsupported_transfer", "Upgrades and CONNECT are not supported.")
        limit = self._max_header
        if self._message_bytes > limit and sum(len(name) + len(value) for name, value in headers) > limit:
            raise Refused("headers_too_large", f"The headers are larger than {limit} bytes.")
        fields = dict(headers)
        if not self._url.isascii() or b"#" in self._url:
            raise Refused("bad_request", "A URL must be ASCII, without a fragment.")
        version = parser.get_http_version()
        self._check_request_line(version.encode())
        http10 = version == "1.0"
        hosts = 1 if b"host" in fields else 0
        if len(fields) != len(headers):
            hosts = sum(name == b"host" for name, _ in headers)
        if version not in ("1.1", "1.0") or (hosts != 1 and not http10) or hosts > 1:
            raise Refused("bad_request", "An HTTP/1.1 request must have exactly one Host.")
        coding = fields.get(b"transfer-encoding")
        if coding is not None and (http10 or coding.lower() != b"chunked"):
            raise Refused(
                "unsupported_transfer", "Only `Transfer-Encoding: chunked` is supported, and not in HTTP/1.0."
            )
        length = fields.get(b"content-length")
        if length is not None and int(length) > self._max_body:
            raise Refused("body_too_large", f"The body is larger than {self._max_body} bytes.")
        method, keep_alive = parser.get_method().decode("ascii"), parser.should_keep_alive()
        head = self._head = RequestHead(method, self._url, headers, fields, keep_alive=keep_alive, http10=http10)
        expects = fields.get(b"expect", b"").lower() == b"100-continue"
        if expects and not http10:
            self._expects = True
            if not self._queue and self.call is None:
                self._continue()
        elif self._first and coding is None and b"expect" not in fields and self._worth_knowing():
            head.print = take_print(self._first, length)

    def _check_request_line(self, version: bytes) -> None:
        """The parser skips extra spaces, which other servers may read as a part of the URL."""
        raw = b"".join(self._raw)
        line = b"%b %b HTTP/%b\r\n" % (self._parser.get_method(), self._url, version)
        if self._begins_raw:
            good = raw.startswith(line) or raw.lstrip(b"\r\n").startswith(line)
        else:
            # The start of the line is not known. No JSON has line ends like these, so a body is not mistaken for a
            # request.
            end = b"%b HTTP/%b\r\n" % (self._url, version)
            good = line in raw and b"  " + end not in raw and b"  HTTP/%b\r\n" % version not in raw
        if not good:
            raise Refused("bad_request", "A request line has one space before the URL and one after it.")

    def _continue(self) -> None:
        self._expects = False
        self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _worth_knowing(self) -> bool:
        """Whether this head may come again: from the second request on, until many in a row differed from the one
        before.
        """
        self._heads_read += 1
        return self._heads_read > 1 and self._misses < _MOST_MISSES

    def on_body(self, body: bytes) -> None:
        self._expects = False  # the client did not wait
        self._chunks.append(body)
        self._body_size += len(body)
        if self._body_size > self._max_body:
            raise Refused("body_too_large", f"The body is larger than {self._max_body} bytes.")

    def on_message_complete(self) -> None:
        chunks, head = self._chunks, self._head
        assert head is not None
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self._reset()
        self._between, self._begins_raw = True, False
        if head.print is not None:
            self._known = head
        if self.call is None and not self._queue:
            self._begin(head, body)
        else:
            self._queue.append((head, body))
            if len(self._queue) > _MAX_PIPELINED:
                raise Refused("bad_request", "Too many requests were pipelined.")

    # Callbacks of the transport.

    def data_received(self, data: bytes) -> None:
        known = self._known
        if known is not None and self._between and self.call is None and not self._queue and not self._failed:
            shape = known.print
            body = shape.body_of(data) if shape is not None else None
            if body is not None and len(body) <= self._max_body:
                self._misses = 0
                self._begin(known, body)
                return
            self._misses += 1
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        if self._failed:
            return
        self._first = data if self._between else b""
        if self._between or self._head_done:
            self._raw, self._begins_raw = [data], self._between
        else:
            self._raw.append(data)
        self._message_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse_early(Refused("unsupported_transfer", "Upgrades and CONNECT are not supported."))
        except httptools.HttpParserError as error:
            inner = error.__context__
            refused = inner if isinstance(inner, Refused) else Refused("bad_request", f"{error}.")
            self._refuse_early(refused)
        except Refused as refused:
            self._refuse_early(refused)
        else:
            self._check_sizes()

    def _check_sizes(self) -> None:
        if self._between or self._head_done:
            self._raw = []
        if self._between:
            self.reading = ""
        elif not self._head_done:
            if not self.reading:
                self.reading, self.since = "head", _monotonic()
            if self._message_bytes > self._max_header:
                limit = self._max_header
                self._refuse_early(Refused("headers_too_large", f"The headers are larger than {limit} bytes."))
        else:
            if self.reading != "body":
                self.reading, self.since = "body", _monotonic()
            if self._message_bytes > 8 * self._body_size + _CHUNK_OVERHEAD + self._max_header:
                self._refuse_early(Refused("bad_request", "The chunks are too small."))
        if self._queue and not self._paused_reading:
            self._paused_reading = True
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """Closes: a client that closes its sending side has left."""
        return False

    def pause_writing(self) -> None:
        if self.call is not None:
            self.call.pause()

    def resume_writing(self) -> None:
        if self.call is not None:
            self.call.resume()

    # Calls.

    def _begin(self, head: RequestHead, body: bytes) -> None:
        gateway = self._gateway
        self.http10 = head.http10
        self.closing = not head.keep_alive
        self.reading = "call"
        if head.path in OWN_PATHS:
            gateway.answer_own(self, head.method, head.path)
            return
        call = self.call = Call(gateway, self, head, body)
        try:
            call.start()
        except Exception as error:
            call.broke(error)

    def connection_header(self, closes: bool = False) -> bytes:
        """The `Connection` line of this answer."""
        if closes or self.closing or self._gateway.draining:
            # Close only connections whose client has seen `Connection: close`: others may send their next request at
            # any time.
            self.closing = True
            return _CLOSE
        return _KEEP_ALIVE if self.http10 else b""

    def write(self, data: bytes) -> None:
        """Sends a part of the answer."""
        self.transport.write(data)

    def end_call(self, data: bytes, close: bool = False) -> None:
        """Sends the last part; the next request of the connection begins."""
        self.call = None
        if self._gone:
            return  # the client left in the meantime
        self.transport.write(data)
        if close or self.closing:
            self._failed = self._gone = True
            self._queue.clear()
            self.transport.close()
            return
        self.reading, self.since = "", _monotonic()
        if self._queue:
            self._gateway.loop.call_soon(self._next)
            return
        if self._expects:
            self.reading = "body"
            self._continue()
        if self._paused_reading:
            self._paused_reading = False
            self.transport.resume_reading()

    def _next(self) -> None:
        if self._queue and self.call is None and not self.transport.is_closing():
            head, body = self._queue.popleft()
            self._begin(head, body)
        if not self._queue and self._paused_reading and not self.transport.is_closing():
            self._paused_reading = False
            self.transport.resume_reading()

    def _refuse_early(self, refused: Refused) -> None:
        """Answers a request that never became a call, and closes the connection: the bytes that follow cannot be
        trusted.
        """
        if self._failed:
            return
        self._failed = True
        self._gateway.metrics.parse_errors += 1
        self._queue.clear()
        if self.call is not None:
            # The answer to an earlier request is being sent; it must not be mixed with this one, and is the last.
            self.closing = True
            return
        began = _monotonic()
        request_id = "req_" + call_digits(self._gateway.wall.ns()).decode()
        head, body = answer(refused, self._url, request_id)
        overhead_us = max(1, int((_monotonic() - began) * 1e6))
        own = f"x-request-id: {request_id}\r\nx-mercato-overhead-us: {overhead_us}\r\nconnection: close\r\n\r\n"
        if self._url.startswith(b"/v1/messages"):
            own = f"request-id: {request_id}\r\n{own}"
        self.transport.write(b"".join((head, own.encode(), body)))
        # To close with unread bytes would reset the connection, and the client would lose our answer: read on a little,
        # and drop what comes.
        self.transport.write_eof()
        self._gateway.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    def abort(self) -> None:
        """Breaks the connection: the client can tell that its answer is not complete."""
        self.call = None
        self._failed = self._gone = True
        self.transport.abort()

    def expire(self, now: float) -> None:
        """Closes the connection after too long a wait. Called about once a second."""
        settings, waited = self._gateway.settings, now - self.since
        if self.reading == "head" and waited > settings.header_timeout:
            self._refuse_early(Refused("request_timeout", "The headers took too long."))
        elif (
            self.reading == "body"
            and not self._expects
            and waited > settings.body_timeout + self._body_size / _SLOWEST_BODY
        ):
            self._refuse_early(Refused("request_timeout", "The body took too long."))
        elif not self.reading and self.call is None and waited > self._gateway.idle_seconds:
            self._failed = True
            self.transport.close()
