"""The client of the control plane: a few keep-alive connections, JSON in and out, one line stream.

Where several addresses are named, any of them will do: one that does not answer, or says that it cannot, is left for
the next. Each gateway begins at another one, so that replicas share them.
"""

import asyncio
import random
import ssl
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import httptools

_IDLE_SECONDS = 4.0
_MAX_ANSWER = 64 << 20


class ControlUnavailable(ConnectionError):
    """The control plane could not be reached, took too long, or answered 5xx."""


class ControlUnreachable(ControlUnavailable):
    """No connection: nothing was sent, so the control plane did nothing."""


class ConnectionBroke(ControlUnavailable):
    """The connection ended before the answer: the request may have been handled, or may still be."""


class ControlRefused(Exception):
    """The control plane answered 4xx: repeating the request cannot help."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status} {body[:300]!r}")
        self.status = status
        self.body = body


class _Address:
    """One address of the control plane, and what the head of each request there begins with."""

    def __init__(self, base: str, authorization: str) -> None:
        parts = urlsplit(base)
        self.host = parts.hostname or "127.0.0.1"
        self.secure = parts.scheme == "https"
        self.port = parts.port or (443 if self.secure else 80)
        self.prefix = parts.path.rstrip("/")
        self.common = f"host: {parts.netloc}\r\n{authorization}accept: application/json\r\n"


class _Connection(asyncio.Protocol):
    """One HTTP connection; `on_chunk` receives a streamed body, else the body is collected."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, address: _Address, on_chunk: Callable[[bytes], None] | None = None
    ) -> None:
        self.address = address
        self._loop = loop
        self._on_chunk = on_chunk
        self._parser = httptools.HttpResponseParser(self)
        self._body = bytearray()
        self.answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def on_body(self, body: bytes) -> None:
        if self._on_chunk is not None and self._parser.get_status_code() == 200:
            self._on_chunk(body)
            return
        self._body += body
        if len(self._body) > _MAX_ANSWER:
            self.transport.abort()

    def on_message_complete(self) -> None:
        status, body = self._parser.get_status_code(), bytes(self._body)
        self._body = bytearray()
        if not self._parser.should_keep_alive():
            self.transport.close()
        if self.answer is not None and not self.answer.done():
            self.answer.set_result((status, body))

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(ConnectionBroke("the control plane closed the connection"))
            self.answer.exception()  # Retrieved: asyncio must not log a stream that was closed on purpose.


class ControlClient:
    """Sends requests to the control plane. Every failure is `ControlUnavailable` (try again) or `ControlRefused` (do
    not).
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        base: str,
        token: str,
        tls: Callable[[], ssl.SSLContext] = ssl.create_default_context,
    ) -> None:
        """`base` is one URL, or several with commas between."""
        authorization = f"authorization: Bearer {token}\r\n" if token else ""
        self._loop = loop
        self._tls = tls
        self._addresses = [_Address(each.strip(), authorization) for each in base.split(",")]
        self._at = random.randrange(len(self._addresses))  # noqa: S311  (spread, no secret)
        self._idle: list[_Connection] = []

    async def _open(self, on_chunk: Callable[[bytes], None] | None = None) -> _Connection:
        """A new connection, to the first address that takes one."""
        for _ in self._addresses[1:]:
            address = self._addresses[self._at]
            try:
                return await self._open_to(address, on_chunk)
            except ControlUnreachable:
                self._leave(address)
        return await self._open_to(self._addresses[self._at], on_chunk)

    async def _open_to(self, address: _Address, on_chunk: Callable[[bytes], None] | None) -> _Connection:
        # Made anew for each connection, so that renewed certificates are shown.
        tls = self._tls() if address.secure else None
        try:
            async with asyncio.timeout(3.0):
                _, connection = await self._loop.create_connection(
                    lambda: _Connection(self._loop, address, on_chunk), address.host, address.port, ssl=tls
                )
        except (OSError, TimeoutError) as error:
            raise ControlUnreachable(str(error) or "no connection") from None
        return connection

    def _leave(self, address: _Address) -> None:
        """New requests go to the next address, unless they do already."""
        if self._addresses[self._at] is address:
            self._at = (self._at + 1) % len(self._addresses)

    def _take(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            is_fresh = self._loop.time() - connection.idle_since < _IDLE_SECONDS
            is_here = connection.address is self._addresses[self._at]
            if is_fresh and is_here and not connection.transport.is_closing():
                return connection
            connection.transport.abort()
        return None

    async def post(self, path: str, body: bytes, timeout: float, trace: str = "") -> bytes:
        """The body of a 2xx answer to a request that may be repeated: one retry where an idle connection broke."""
        rested = self._take()
        if rested is not None:
            try:
                return await self._ask(rested, path, body, timeout, trace)
            except ControlUnavailable:
                if not rested.transport.is_closing():
                    raise
        return await self._ask(await self._open(), path, body, timeout, trace)

    async def post_once(self, path: str, body: bytes, timeout: float, *, fresh: bool = False, trace: str = "") -> bytes:
        """The body of a 2xx answer to a request that must not be repeated; with `fresh` on a new connection."""
        rested = None if fresh else self._take()
        return await self._ask(rested or await self._open(), path, body, timeout, trace)

    async def _ask(self, connection: _Connection, path: str, body: bytes, timeout: float, trace: str) -> bytes:
        try:
            return await self._exchange(connection, path, body, timeout, trace)
        except ControlUnavailable:
            self._leave(connection.address)
            raise

    async def _exchange(self, connection: _Connection, path: str, body: bytes, timeout: float, trace: str) -> bytes:
        address = connection.address
        kind = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        parent = f"traceparent: {trace}\r\n" if trace else ""
        head = f"POST {address.prefix}{path} HTTP/1.1\r\n{address.common}{parent}{kind}"
        connection.answer = self._loop.create_future()
        connection.transport.writelines((head.encode(), body))
        try:
            async with asyncio.timeout(timeout):
                status, answer = await connection.answer
        except TimeoutError:
            connection.transport.abort()
            raise ControlUnavailable("no answer in time") from None
        except asyncio.CancelledError:
            connection.transport.abort()
            raise
        if not connection.transport.is_closing():
            connection.idle_since = self._loop.time()
            self._idle.append(connection)
        if 200 <= status < 300:
            return answer
        if 400 <= status < 500 and status not in (401, 403, 408, 425, 429):
            raise ControlRefused(status, answer)
        raise ControlUnavailable(f"it answered {status}")

    async def stream(
        self, path: str, on_chunk: Callable[[bytes], None]
    ) -> tuple[_Connection, asyncio.Future[tuple[int, bytes]]]:
        """Starts a streamed GET; the future is done when the stream ends. The caller closes the connection."""
        connection = await self._open(on_chunk)
        address = connection.address
        connection.answer = self._loop.create_future()
        # A stream that ends, however it ends, is taken up elsewhere.
        connection.answer.add_done_callback(lambda _: self._leave(address))
        head = f"GET {address.prefix}{path} HTTP/1.1\r\n{address.common}\r\n"
        connection.transport.write(head.encode())
        return connection, connection.answer
