"""A vendor's own server that receives webhooks and judges them with the reference library, never with our code."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> Any:
        """The content; raises the library's error where the signature is wrong or old."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Answers what `answers` says for the number of the request, 200 where it says nothing."""

    port: int = 0
    answers: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (200, {})
    received: list[Received] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    hold: threading.Event | None = None
    """Where given, nothing is answered before it is set."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def take(self, request: Received) -> tuple[int, dict[str, str]]:
        with self.lock:
            self.received.append(request)
            number = len(self.received) - 1
        if self.hold is not None:
            self.hold.wait(120)
        return self.answers(number)


@contextmanager
def serve_receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            body = self.rfile.read(length)
            if len(body) < length:
                return  # its sender was killed before it had said all: nobody receives half a message
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, more = receiver.take(Received(self.path, headers, body))
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = http.server_address[1]
    threading.Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        if receiver.hold is not None:
            receiver.hold.set()
        http.shutdown()
        http.server_close()
