"""Listening sockets: made by the supervisor, kept by it, and handed to one worker after another.

A connection that the kernel has accepted waits in the socket's queue, not in a process. As long as a process holds the
socket, the next worker finds the connection there; only the last holder's `close` would reset it.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable

from mercato_gateway.settings import split_address

BACKLOG = 4096


def listen(address: str, *, shift: int = 0) -> socket.socket:
    """A bound socket, `shift` ports above the address. Several may share the port by `SO_REUSEPORT`."""
    host, port = split_address(address)
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port + shift if port else 0))
    listener.setblocking(False)
    return listener


async def close_last(
    loop: asyncio.AbstractEventLoop,
    listener: socket.socket,
    server: asyncio.AbstractServer,
    accept: Callable[[], asyncio.Protocol],
    tls: ssl.SSLContext | None = None,
) -> None:
    """Stops listening where no other process holds the socket; accepts the connections in its queue first."""
    kept = listener.dup()
    server.close()
    await asyncio.sleep(0)
    waiting = []
    while True:
        try:
            connection, _ = kept.accept()
        except OSError:
            break
        connection.setblocking(False)
        waiting.append(connection)
    kept.close()
    for connection in waiting:
        await loop.connect_accepted_socket(accept, connection, ssl=tls)
