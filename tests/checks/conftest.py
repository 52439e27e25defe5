"""A server on a free loopback port whose answers a test writes, and manifests to go with it."""

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from mercato_checks.addresses import Target
from mercato_contracts.manifest import ServiceManifest
from tests.support.ports import free_port

LOOPBACK = (ip_network("127.0.0.0/8"),)
Reply = tuple[int, dict[str, str], bytes]


@dataclass
class FakeServer:
    """Speaks real HTTP. `answer` decides from method, path and body; `seen` keeps what came."""

    answer: Callable[[str, str, bytes], Reply] = lambda method, path, body: (404, {}, b"")
    seen: list[tuple[str, str, bytes]] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    port: int = 0

    def target(self, path: str = "", scheme: str = "http", host: str = "127.0.0.1") -> Target:
        return Target(scheme, host, self.port, path, ("127.0.0.1",))


def serve(fake: FakeServer, tls: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            fake.seen.append((self.command, self.path, body))
            fake.hosts.append(self.headers["host"])
            status, headers, content = fake.answer(self.command, self.path, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _handle  # noqa: N815 (http.server asks for these names)

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    fake.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


@pytest.fixture
def fake_server() -> Iterator[FakeServer]:
    fake = FakeServer()
    server = serve(fake)
    yield fake
    server.shutdown()
    server.server_close()


@dataclass
class Certificates:
    """A certificate for `endpoint.example`, signed by itself."""

    folder: Path

    @property
    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
        return context

    @property
    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.folder / "cert.pem"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=endpoint.example", "-addext", "subjectAltName=DNS:endpoint.example"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    return Certificates(folder)


@pytest.fixture
def tls_server(certificates: Certificates) -> Iterator[FakeServer]:
    fake = FakeServer(answer=lambda method, path, body: (200, {"content-type": "application/json"}, b"{}"))
    server = serve(fake, certificates.server)
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture
def closed_port() -> int:
    return free_port()


MANIFEST = """
mercato: 1
name: embedder
version: 1.2.0
title: Sentence vectors
summary: Turns sentences into vectors
protocol: openai
task: embeddings
endpoint: {url: "https://embedder.example/v1", model: small, limits: [{unit: requests, per: minute, amount: 600}]}
licence: Apache-2.0
plans:
  - {name: free, limits: [{unit: requests, per: minute, amount: 60}]}
"""


@pytest.fixture
def manifest() -> Callable[..., ServiceManifest]:
    """A good manifest with the fields given changed."""
    return lambda **changes: ServiceManifest.model_validate(yaml.safe_load(MANIFEST) | changes)


@pytest.fixture
def manifest_text() -> str:
    return MANIFEST
