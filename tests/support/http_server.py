"""Servers of a test: a vendor's, and one that answers whatever a test wants, also what no server should."""

import hashlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Server:
    """Where it listens, and the requests that came."""

    port: int
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


def _vector(text: str) -> list[float]:
    return [byte / 255 for byte in hashlib.sha256(text.encode()).digest()]


class _Vectors(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))) or b"{}")
        if self.path == "/v1/chat/completions" and isinstance(asked.get("messages"), list):
            self._chat(asked)
            return
        texts = asked.get("input")
        texts = [texts] if isinstance(texts, str) else texts
        if self.path != "/v1/embeddings" or not isinstance(texts, list) or not texts:
            self._answer(400, {"error": {"message": "`input` is missing", "type": "invalid_request_error"}})
            return
        rows = [{"object": "embedding", "index": at, "embedding": _vector(str(text))} for at, text in enumerate(texts)]
        usage = {"prompt_tokens": sum(len(str(text).split()) for text in texts)}
        usage["total_tokens"] = usage["prompt_tokens"]
        self._answer(200, {"object": "list", "data": rows, "model": asked.get("model"), "usage": usage})

    def _chat(self, asked: dict[str, Any]) -> None:
        words = str(asked["messages"][-1].get("content")).split()
        usage = {"prompt_tokens": len(words), "completion_tokens": len(words), "total_tokens": 2 * len(words)}
        model = asked.get("model")
        if not asked.get("stream"):
            message = {"role": "assistant", "content": " ".join(words)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            expected = {"id": "c", "object": "chat.completion", "created": 0, "model": model}
            self._answer(200, {**expected, "choices": [choice], "usage": usage})
            return
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": model}
        deltas: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": {"content": f"{word} "}}]} for word in words]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for part in [*deltas, {"choices": [], "usage": usage}]:
            self._piece(f"data: {json.dumps({**chunk, **part})}\n\n".encode())
        self._piece(b"data: [DONE]\n\n")
        self._piece(b"")

    def _piece(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._answer(200, {"object": "list", "data": [{"id": "vectors", "object": "model"}]})
        else:
            self._answer(404, {"error": {"message": "not found", "type": "not_found_error"}})

    def _answer(self, status: int, event: dict[str, Any]) -> None:
        body = json.dumps(event).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@contextmanager
def serve_vectors() -> Iterator[Server]:
    """OpenAI's `/v1/embeddings` over a hash of the text, and a `/v1/chat/completions` that repeats what it is told."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Vectors)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    try:
        yield Server(http.server_address[1])
    finally:
        http.shutdown()
        http.server_close()


@contextmanager
def serve_bytes(answer: Callable[[int, str], list[bytes | threading.Event]]) -> Iterator[Server]:
    """Answers connection number n (from 0) with the pieces of `answer(n, request head)`, then closes it.

    An event among the pieces is waited for before the next one is sent.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(listener.getsockname()[1])
    ended = threading.Event()

    def talk(connection: socket.socket, number: int) -> None:
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            lines = head.decode(errors="replace").split("\r\n")
            method, path, _ = lines[0].split(" ", 2)
            headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            server.requests.append((method, path, headers))
            try:
                for part in answer(number, lines[0]):
                    if isinstance(part, bytes):
                        connection.sendall(part)
                    else:
                        part.wait(60)
            except OSError:
                pass

    def accept() -> None:
        number = 0
        while not ended.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection, number), daemon=True).start()
            number += 1

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        ended.set()
        listener.close()


@contextmanager
def stand_in(
    answer: Callable[[str, str], tuple[int, object]], tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[str]]]:
    """A server that says what another one than ours would: its address, and the credentials it was shown."""
    shown: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            shown.append(self.headers.get("authorization", ""))
            status, content = answer(self.command, self.path)
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_HEAD = do_DELETE = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http{'' if tls is None else 's'}://127.0.0.1:{server.server_address[1]}", shown
    finally:
        server.shutdown()
        server.server_close()
