"""TLS to upstreams is verified: the chain and the name, on a real TLS server."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import StartGateway
from tests.fakes.marketplace import a_deployment, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import answer
from tests.support.waiting import until


class Authority:
    """A certificate authority of one test."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._build(self._name, self._key, is_authority=True)
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server(self, host: str) -> ssl.SSLContext:
        """What a server needs to speak for `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        path = self.folder / f"{host}.server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(self._build(subject, key, host=host).public_bytes(serialization.Encoding.PEM) + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _build(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, host: str = "", is_authority: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if host:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        return builder.sign(self._key, hashes.SHA256())


class TlsServer:
    """Answers every request with `{}`; `requests` counts those that got through."""

    def __init__(self) -> None:
        self.requests = 0
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self, context: ssl.SSLContext) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.requests += 1
            writer.write(answer(200, b"{}", extra="connection: close\r\n"))
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[TlsServer]:
    made = TlsServer()
    yield made
    await made.stop()


@pytest.mark.parametrize(
    ("signed_by", "speaks_for", "status"),
    [("good", "models.example", 200), ("bad", "models.example", 502), ("good", "other.example", 502)],
)
async def test_only_the_right_name_from_a_trusted_authority_is_spoken_to(
    control: ControlPlane, start_gateway: StartGateway, server: TlsServer, tmp_path: Path,
    signed_by: str, speaks_for: str, status: int,
) -> None:  # fmt: skip
    authorities = {name: Authority(tmp_path, name) for name in ("good", "bad")}
    await server.start(authorities[signed_by].server(speaks_for))
    place = a_deployment(f"https://models.example:{server.port}/v1")  # at the address that the control plane checked
    service = a_service("acme/embedder", [a_release("1.0.0", [place])])
    control.put_service(service)
    key = a_subscriber(control, subscribe(service))
    gateway = await start_gateway(upstream_ca_file=authorities["good"].file)
    async with gateway.client(key) as client:
        got = await client.post("/v1/embeddings", json={"model": "acme/embedder", "input": "x"})
    assert got.status_code == status, got.text
    assert server.requests == (1 if status == 200 else 0)
    if status == 502:
        assert "certificate is not trusted" in got.json()["error"]["message"]
    await until(lambda: len(control.events) == 1)


async def test_an_authority_that_nobody_named_is_not_trusted(
    control: ControlPlane, start_gateway: StartGateway, server: TlsServer, tmp_path: Path
) -> None:
    await server.start(Authority(tmp_path, "good").server("models.example"))
    service = a_service("acme/x", [a_release("1.0.0", [a_deployment(f"https://models.example:{server.port}/v1")])])
    control.put_service(service)
    gateway = await start_gateway()
    async with gateway.client(a_subscriber(control, subscribe(service))) as client:
        assert (await client.post("/v1/embeddings", json={"model": "acme/x", "input": "x"})).status_code == 502
    assert server.requests == 0
