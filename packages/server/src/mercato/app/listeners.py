"""The control plane's two listeners in one process: for everybody, and for the marketplace's own processes.

Gateways and Prometheus come by a port of their own, so that no crowd at the public one keeps them out.
"""

import asyncio
import resource
import socket
from types import FrameType

import click
import uvicorn
from fastapi import FastAPI

from mercato.app.connections import ConnectionLimits, Connections
from mercato.app.memory import calm_collector
from mercato.app.protocol import bounded
from mercato.app.tls import Tls
from mercato.edge.wiring import Wiring, running_of
from mercato_contracts.server_tls import ServerTls

_DRAIN_SECONDS = 20
_BACKLOG = 2048
_OTHER_FILES = 256
"""Of a process beside its clients' connections: the database's, files, the event loop's own."""

INTERNAL_LIMITS = ConnectionLimits(total=2_000, of_one=2_000)
"""Gateways, which show a token, and Prometheus."""


class Listeners(uvicorn.Server):
    """Serves `public` and `internal` until it is stopped; `ends_streams` are called first."""

    def __init__(
        self,
        public: FastAPI,
        internal: FastAPI,
        wiring: Wiring,
        address: socket.socket,
        inner: socket.socket,
        tls: Tls | None = None,
    ) -> None:
        limits = ConnectionLimits(total=_most_connections(ConnectionLimits().total))
        self._tls = tls or Tls()
        super().__init__(_config(public, Connections(limits), wiring, self._tls.public))
        self._sockets = [address]
        self._inner_socket = inner
        self._inner = uvicorn.Server(
            _config(internal, Connections(INTERNAL_LIMITS), wiring, self._tls.internal, lifespan="off")
        )
        self._inner_task: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._ends_streams = running_of(public).ends_streams

    def serve_until_stopped(self) -> None:
        """In the foreground."""
        self.run(sockets=self._sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # `_serve` is `serve` without its signal handlers: there is one pair of them in a process.
        self._inner_task = asyncio.create_task(self._inner._serve([self._inner_socket]))
        self._renewing = asyncio.create_task(self._tls.renew(), name="certificates")
        calm_collector()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        self._inner.should_exit = True
        if self._renewing is not None:
            self._renewing.cancel()
        if self._inner_task is not None:
            # What gateways ship is taken in while the database is still there.
            await self._inner_task
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Gateways' streams never end by themselves: they would hold the drain up to its last second.
        for close in self._ends_streams:
            close()
        self._inner.should_exit = True
        super().handle_exit(sig, frame)


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket. Raises `ClickException`, which names the setting that moves the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise click.ClickException(
            f"cannot listen on {host} port {port} ({error.strerror}): choose another port with {setting}"
        ) from None
    listener.setblocking(False)
    return listener


_SOCKET_MESSAGE_BYTES = 64 * 1024


def _config(
    app: FastAPI, connections: Connections, wiring: Wiring, tls: ServerTls | None, lifespan: str = "on"
) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=bounded(connections, wiring.proxies),
        ws="websockets-sansio",
        ws_max_size=_SOCKET_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        lifespan="on" if lifespan == "on" else "off",
        access_log=False,
        log_config=None,
        server_header=False,
        # Who the client is, `edge/addresses.py` finds out: uvicorn would believe any process on this machine.
        proxy_headers=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
        ssl_context_factory=None if tls is None else lambda *_: tls.context,
    )


def _most_connections(wanted: int) -> int:
    """As many as the process may open files for, up to `wanted`; the soft limit is raised to the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and (hard == resource.RLIM_INFINITY or soft < hard):
        soft = 65_536 if hard == resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return (
        wanted if soft == resource.RLIM_INFINITY else max(1, min(wanted, soft - INTERNAL_LIMITS.total - _OTHER_FILES))
    )
