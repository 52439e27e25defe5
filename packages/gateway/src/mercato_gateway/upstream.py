"""Connections to deployments: raw protocols over a native parser, a keep-alive pool for each deployment.

A call takes a connection, sends, and hears `upstream_head`, `upstream_data` and `upstream_lost`. Redirects are answers
like any other. Only addresses that the control plane checked are connected to. The head of an answer that the parser
read lately is recognised by its bytes, on all connections of a pool (see `heads`).
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import httptools

from mercato_gateway.headers import Headers, without_secret
from mercato_gateway.heads import AnswerHead, take_print
from mercato_gateway.wire import SnapshotDeployment

# Servers commonly close idle connections after 5 s (uvicorn, Node); ours go first, so that no call meets a closing one.
IDLE_SECONDS = 3.0
_MAX_HEAD = 64 << 10
# So many calls may wait for each connection that there may be.
_MAX_WAITING_EACH = 16
_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux has it


# Heads with a date or an id in them change: a new one is taken for the usual one this often at most.
_LEARN_SECONDS = 0.05
_OFTEN_SECONDS = 0.2
_monotonic = time.monotonic


class UpstreamCall:
    """What a connection tells the call it serves. A base class, so that it is told without a look-up of names."""

    done: bool = False

    def connected(self, connection: "UpstreamConnection") -> None:
        """The connection is the call's own until it is released or closed."""
        raise NotImplementedError

    def connect_failed(self, code: str, detail: str) -> None:
        """Nothing was sent."""
        raise NotImplementedError

    def no_connection_free(self) -> None:
        """Nothing was sent, and nothing is wrong with the upstream: too many calls wait for it already."""
        raise NotImplementedError

    def upstream_head(self, head: AnswerHead, length: bytes) -> None:
        """The final status and headers, before any body. `length`: the digits of this answer's content length, which a
        head that is recognised does not know; empty where none was told.
        """
        raise NotImplementedError

    def upstream_data(self, pieces: list[bytes], complete: bool) -> None:
        """Body as it came, at first perhaps nothing; `complete` once, at the end."""
        raise NotImplementedError

    def upstream_lost(self, code: str, detail: str) -> None:
        """The answer broke off, or never began."""
        raise NotImplementedError


class UpstreamConnection:
    """One keep-alive connection, an `asyncio.Protocol` in shape; serves one call at a time.

    Without that base, mypyc makes it a native class.
    """

    __slots__ = (
        "_complete", "_first", "_head", "_head_bytes", "_head_done", "_headers", "_interim", "_parser", "_paused_call",
        "_pieces", "_tell_head", "call", "head_only", "idle_since", "pool", "reusable", "transport",
    )  # fmt: skip

    def __init__(self, pool: "Pool") -> None:
        self.pool = pool
        self.call: UpstreamCall | None = None
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._headers: Headers = []
        self._paused_call = False
        self.idle_since = 0.0
        self.reusable = True
        self.head_only = False
        self._reset()

    def _reset(self) -> None:
        self._headers = []
        self._head_bytes = 0
        self._head: AnswerHead | None = None
        self._first = b""
        self._head_done = self._tell_head = self._complete = self._interim = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self, call: UpstreamCall, request: bytes, head_only: bool) -> None:
        """Sends a whole request; `head_only` where the answer has no body whatever it says (HEAD)."""
        self.call = call
        self.head_only = head_only
        self.transport.write(request)

    # What the parser tells.

    def on_message_begin(self) -> None:
        if self._complete:
            self.reusable = False  # a second answer to one request: none of it may reach a call

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
        self._head_done = self._tell_head = True
        if self.pool.secret:
            self._headers = without_secret(self._headers, self.pool.secret)
        head = self._head = AnswerHead(status, self._headers)
        if self._first and status not in (204, 304) and self._parser.should_keep_alive():
            self.pool.learn(head, self._first)
        if self.head_only:
            # The parser cannot know that no body follows: this connection ends here.
            self._complete = True
            self.reusable = False

    def on_body(self, body: bytes) -> None:
        if not self._complete:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            self._headers = []
            return
        self._complete = True
        if not self._parser.should_keep_alive():
            self.reusable = False

    # What the transport tells.

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
            self.reusable = False  # more than it announced: the answer is whole, the connection good for nothing
        told, head = self._tell_head, self._head
        if told and head is not None:
            self._tell_head = False
            call.upstream_head(head, head.length)
            if self.call is None:
                return
        elif not self._head_done:
            if self._head_bytes > _MAX_HEAD or not self.reusable:
                self._fail("upstream_bad_answer", "Its headers are too large, or it switched protocols.")
            return
        pieces = self._pieces
        if self._complete:
            self._pieces = []
            self._finish(call, pieces)
        elif pieces or told:
            if told:
                self._acknowledge()
            self._pieces = []
            call.upstream_data(pieces, False)

    def _acknowledge(self) -> None:
        """The kernel acknowledges the head now. A server without TCP_NODELAY that writes head and body apart, as
        Python's `http.server` does, holds the body back until then (Nagle): 40 ms with a delayed acknowledgement.
        """
        if _QUICK_ACK is not None and not self.transport.is_closing():
            self.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)

    def _finish(self, call: UpstreamCall, pieces: list[bytes]) -> None:
        self.call = None
        self._reset()
        self.pool.give_back(self)
        call.upstream_data(pieces, True)

    def _fail(self, code: str, detail: str) -> None:
        call, self.call = self.call, None
        self.close()
        if call is not None:
            call.upstream_lost(code, detail)

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        self.pool.forget(self)
        call, self.call = self.call, None
        if call is None:
            return
        if self._head_done and self._ends_with_connection() and exc is None:
            call.upstream_data([], True)
        else:
            call.upstream_lost("upstream_unreachable", "It closed the connection before its answer was whole.")

    def _ends_with_connection(self) -> bool:
        """No length and no chunks were announced: the end of the connection is the end of the answer (RFC 9112,
        6.3).
        """
        return not any(name in (b"content-length", b"transfer-encoding") for name, _ in self._headers)

    def pause_writing(self) -> None:
        """The request is already whole in memory and bounded; nothing to hold back."""

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
        """Ends the connection; its call hears nothing more."""
        self.call = None
        self.reusable = False
        self.transport.abort()


class PrivateAddress(Exception):
    """The upstream's name leads into a private network."""


class Connector:
    """Opens connections. `allow_private` lets names lead to private and loopback addresses."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, allow_private: bool, timeout: float, ca_file: str = ""
    ) -> None:
        self.loop = loop
        self.allow_private = allow_private
        self.timeout = timeout
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None

    def tls(self) -> ssl.SSLContext:
        """Verifies names and chains; made when first needed, as the system's authorities take megabytes."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            if self._ca_file:
                self._tls.load_verify_locations(self._ca_file)
        return self._tls

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host that was not checked by the control plane; raises `PrivateAddress`."""
        infos = await self.loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found = [str(info[4][0]) for info in infos]
        if not self.allow_private and not all(ipaddress.ip_address(address).is_global for address in found):
            raise PrivateAddress(f"{host} is a private address")
        return found


class Pool:
    """The connections to one deployment: at most `max_connections`, the last used first."""

    __slots__ = (
        "_closed",
        "_connector",
        "_host",
        "_idle",
        "_learnt_at",
        "_most_waiting",
        "_open",
        "_port",
        "_read_at",
        "_secure",
        "_tasks",
        "_waiting",
        "authority",
        "credential",
        "credential_field",
        "secret",
        "usual",
        "wire",
    )

    def __init__(self, wire: SnapshotDeployment, connector: Connector) -> None:
        parts = urlsplit(wire.url)
        self.wire = wire
        self._connector = connector
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self.authority = parts.netloc.rpartition("@")[2].encode("ascii")
        # The vendor's own secret: the line that requests carry, its field's name, and its value. Never shown.
        self.credential = self.credential_field = self.secret = b""
        if wire.credential is not None:
            self.credential_field = wire.credential.header.encode()
            self.secret = wire.credential.value.encode()
            self.credential = b"%b: %b\r\n" % (self.credential_field, self.secret)
        self._idle: list[UpstreamConnection] = []
        self._open = 0
        self._waiting: deque[UpstreamCall] = deque()
        self._most_waiting = wire.max_connections * _MAX_WAITING_EACH
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self.usual: AnswerHead | None = None
        self._learnt_at = 0.0
        self._read_at = 0.0

    def learn(self, head: AnswerHead, message: bytes) -> None:
        """Takes a head that was just read, at the start of `message`, for the usual one: where answers come often
        enough for it to come again before the second, and with it the date, has passed.
        """
        now = _monotonic()
        often, self._read_at = now - self._read_at < _OFTEN_SECONDS, now
        if often and now - self._learnt_at > _LEARN_SECONDS and head.length:
            self._learnt_at = now
            head.print = take_print(message, head.length)
            if head.print is not None:
                self.usual = head

    async def check(self, path: str | None) -> bool:
        """Whether it is well: it accepts a connection, and answers `path`, where one is given, with less than 400."""
        addresses = self.wire.addresses or await self._connector.addresses(self._host, self._port)
        tls = self._connector.tls() if self._secure else None
        reader, writer = await asyncio.open_connection(
            addresses[0], self._port, ssl=tls, server_hostname=self._host if self._secure else None
        )
        try:
            if path is None:
                return True
            writer.write(
                b"GET %b HTTP/1.1\r\nhost: %b\r\nuser-agent: mercato-health\r\nconnection: close\r\n%b\r\n"
                % (path.encode("ascii"), self.authority, self.credential)
            )
            status = (await reader.readline()).split(b" ")[1:2]
            return bool(status) and status[0].isdigit() and 200 <= int(status[0]) < 400
        finally:
            writer.transport.abort()

    def take(self, call: UpstreamCall, now: float) -> UpstreamConnection | None:
        """An idle connection; or `None`, and the call hears `connected`, `connect_failed` or `no_connection_free`
        later.
        """
        idle = self._idle
        while idle:
            connection = idle.pop()
            if (
                connection.reusable
                and now - connection.idle_since < IDLE_SECONDS
                and not connection.transport.is_closing()
            ):
                return connection
            connection.close()
        if len(self._waiting) >= self._most_waiting:
            self._waiting = deque(waiting for waiting in self._waiting if not waiting.done)
        if len(self._waiting) >= self._most_waiting:
            self._connector.loop.call_soon(call.no_connection_free)
            return None
        self._waiting.append(call)
        if self._open < self.wire.max_connections:
            self._start_opening()
        return None

    @property
    def full(self) -> bool:
        """There are as many connections as there may be, and the upstream accepted some of them: who waits, waits for
        other calls to end.
        """
        return self._open >= self.wire.max_connections and len(self._tasks) < self._open

    def _start_opening(self) -> None:
        self._open += 1
        task = self._connector.loop.create_task(self._connect())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(self._connector.timeout):
                connection = await self._connect_any()
        except TimeoutError:
            self._connect_failed("upstream_timeout", "It did not accept a connection in time.")
        except (OSError, PrivateAddress, ssl.SSLError, UnicodeError) as error:
            reason = (
                "Its TLS certificate is not trusted."
                if isinstance(error, ssl.SSLError)
                else "No connection could be made."
            )
            self._connect_failed("upstream_unreachable", reason)
        else:
            connection.reusable = True
            self.give_back(connection)

    async def _connect_any(self) -> UpstreamConnection:
        addresses = self.wire.addresses or await self._connector.addresses(self._host, self._port)
        last: OSError = OSError("no address")
        for address in addresses:
            try:
                _, connection = await self._connector.loop.create_connection(
                    cast(Callable[[], asyncio.Protocol], lambda: UpstreamConnection(self)), address, self._port,
                    ssl=self._connector.tls() if self._secure else None,
                    server_hostname=self._host if self._secure else None,
                )  # fmt: skip
            except OSError as error:
                last = error
            else:
                return cast(UpstreamConnection, connection)
        raise last

    def _connect_failed(self, code: str, detail: str) -> None:
        self._open -= 1
        while self._waiting:
            call = self._waiting.popleft()
            if not call.done:
                call.connect_failed(code, detail)
                break
        self._open_for_waiting()

    def give_back(self, connection: UpstreamConnection) -> None:
        """The connection serves the next call, or rests."""
        if not connection.reusable:
            connection.close()
            return
        connection.resume_reading()
        # Also once the pool is closed: what waits here was sent here before that.
        while self._waiting:
            call = self._waiting.popleft()
            if not call.done:
                call.connected(connection)
                return
        if self._closed:
            connection.close()
            return
        connection.idle_since = _monotonic()
        self._idle.append(connection)

    def forget(self, connection: UpstreamConnection) -> None:
        """The connection is gone."""
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        self._open_for_waiting()

    def _open_for_waiting(self) -> None:
        while self._waiting and self._waiting[0].done:
            self._waiting.popleft()
        if self._waiting and self._open < self.wire.max_connections:
            self._start_opening()

    def sweep(self, now: float) -> None:
        """Closes what rested too long."""
        while self._idle and now - self._idle[0].idle_since > IDLE_SECONDS:
            self._idle.pop(0).close()

    def close(self) -> None:
        """Calls in flight and those that wait end on their own; idle connections end now."""
        self._closed = True
        for connection in self._idle[:]:
            connection.close()
        self._idle.clear()


PoolFactory = Callable[[SnapshotDeployment], Pool]
