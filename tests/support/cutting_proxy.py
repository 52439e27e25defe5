"""A proxy between a client and a server that cuts or holds answers, as bad networks do. It speaks bytes, not HTTP."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.ports import free_port

Limit = Callable[[int, str], int | None]
"""From the number of a download (from 0) and its request's head: how many bytes of the answer pass; None is all."""


@dataclass
class CuttingProxy:
    """Where it listens; what was asked under /api/objects; what it does with those answers."""

    port: int
    server_port: int = 0
    """Set once the server's is known; the server may want to know ours first."""
    limit: Limit = lambda number, head: None
    change: Callable[[bytes], bytes] = lambda piece: piece
    holds: bool = False
    """Whether what goes beyond the limit is held back instead of cut, until `released`."""
    released: threading.Event = field(default_factory=threading.Event)
    downloads: list[str] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)

    def mend(self) -> None:
        """Everything passes again, and what was asked is forgotten."""
        self.released.set()
        self.limit, self.change, self.holds = (lambda number, head: None), (lambda piece: piece), False
        self.released, self.held, self.downloads = threading.Event(), threading.Event(), []

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def cut_between() -> Iterator[CuttingProxy]:
    """Runs until the block ends."""
    proxy = CuttingProxy(free_port())
    listener = socket.create_server(("127.0.0.1", proxy.port))
    threading.Thread(target=_accept, args=(listener, proxy), daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.released.set()
        listener.close()


def _accept(listener: socket.socket, proxy: CuttingProxy) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, proxy), daemon=True).start()


def _serve(client: socket.socket, proxy: CuttingProxy) -> None:
    """One request a connection: the answer is told to be the last, so that bytes can be counted."""
    with client, socket.create_connection(("127.0.0.1", proxy.server_port), timeout=60) as server:
        head = _read_head(client)
        if not head:
            return
        asked, _, body = head.partition(b"\r\n\r\n")
        text = asked.decode("latin-1")
        is_download = "/api/objects/" in text.split("\r\n", 1)[0]
        limit = None
        if is_download:
            limit = proxy.limit(len(proxy.downloads), text)
            proxy.downloads.append(text)
        server.sendall(asked + b"\r\nconnection: close\r\n\r\n" + body)
        threading.Thread(target=_pump_up, args=(client, server), daemon=True).start()
        try:
            _pump_down(server, client, proxy, limit, is_download)
        except OSError:
            return
        finally:
            # Closing alone would wait for the other thread, which reads from them.
            for each in (client, server):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)


def _read_head(client: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = client.recv(65536)
        if not piece:
            return b""
        head += piece
    return head


def _pump_up(client: socket.socket, server: socket.socket) -> None:
    try:
        while piece := client.recv(65536):
            server.sendall(piece)
    except OSError:
        return


def _pump_down(
    server: socket.socket, client: socket.socket, proxy: CuttingProxy, limit: int | None, is_download: bool
) -> None:
    passed = 0
    while piece := server.recv(65536):
        sent = proxy.change(piece) if is_download else piece
        if limit is not None and passed + len(sent) > limit:
            client.sendall(sent[: limit - passed])
            if not proxy.holds:
                return
            proxy.held.set()
            proxy.released.wait(120)
            return
        client.sendall(sent)
        passed += len(sent)
