"""An application behind the control plane's own protocol, and raw clients of it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from mercato.app.connections import ConnectionLimits, Connections
from mercato.app.protocol import bounded
from mercato.edge.addresses import TrustedProxies

PATIENCE_SECONDS = 120


@dataclass
class Client:
    """A connection that sends what it likes."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> bytes:
        """Up to the end of the head; what came where the connection ended before."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                return await self.reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError as error:
                return error.partial

    async def rest(self) -> bytes:
        """All that comes until the server closes."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    async def is_closed(self) -> bool:
        """Waits until the server has closed, without an answer."""
        return await self.rest() == b""

    def close(self) -> None:
        self.writer.transport.abort()


@dataclass
class BoundedServer:
    """Where it listens, and its book of connections."""

    port: int
    connections: Connections

    async def connect(self, source: str = "127.0.0.1") -> Client:
        """From any address of this machine's loopback, such as 127.0.0.2."""
        return Client(*await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0)))


@asynccontextmanager
async def serve_bounded(
    app: ASGIApp, limits: ConnectionLimits | None = None, proxies: str = ""
) -> AsyncIterator[BoundedServer]:
    """The application on a free port of loopback while the block lasts."""
    connections = Connections(limits or ConnectionLimits())
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(
        app, http=bounded(connections, TrustedProxies(proxies)), ws="none", lifespan="off", log_level="error",
        proxy_headers=False, timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield BoundedServer(listener.getsockname()[1], connections)
    finally:
        server.should_exit = True
        await serving
