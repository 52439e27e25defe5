"""TLS of our own listeners, by real handshakes: 1.3 only, renewed without a restart, clients' certificates."""

import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import trustme
from cryptography import x509

from mercato_contracts.server_tls import ServerTls, TlsFilesWrong, not_after, server_tls
from tests.app.conftest import open_folder, place
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import MakeShop, StartGateway
from tests.gateway.conftest import control, shop, start_gateway, upstream
from tests.support.ports import free_ports
from tests.support.running import Place
from tests.support.waiting import eventually, until

__all__ = ["control", "open_folder", "place", "shop", "start_gateway", "upstream"]


class Pki:
    """Authorities and certificates of one test, in files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.clients = trustme.CA()
        self.client_ca = folder / "clients.pem"
        self.clients.cert_pem.write_to_path(str(self.client_ca))
        self.cert, self.key = folder / "server.pem", folder / "server.key"
        self.issue()

    def issue(self, days: int = 30) -> None:
        """A new certificate of the server, in the same files."""
        expires = datetime.now(UTC) + timedelta(days=days)
        made = self.authority.issue_cert("127.0.0.1", "localhost", not_after=expires)
        made.private_key_pem.write_to_path(str(self.key))
        with self.cert.open("wb") as file:
            file.writelines(blob.bytes() for blob in made.cert_chain_pems)

    def client(self, *, of: trustme.CA | None = None) -> ssl.SSLContext:
        """Trusts the server's authority; shows a certificate of `of`."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if of is not None:
            of.issue_cert("gateway.mercato.test").configure_cert(context)
        return context

    def client_files(self) -> tuple[Path, Path, Path]:
        """The authority, a client's certificate and its key."""
        ca, cert, key = (self.folder / name for name in ("ca.pem", "client.pem", "client.key"))
        self.authority.cert_pem.write_to_path(str(ca))
        made = self.clients.issue_cert("gateway.mercato.test")
        made.private_key_pem.write_to_path(str(key))
        made.cert_chain_pems[0].write_to_path(str(cert))
        return ca, cert, key


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path)


def _serial(context: ssl.SSLContext, port: int) -> int:
    pem = ssl.DER_cert_to_PEM_cert(_peer(context, port))
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def _peer(context: ssl.SSLContext, port: int) -> bytes:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as secure,
    ):
        assert secure.version() == "TLSv1.3"
        found = secure.getpeercert(binary_form=True)
        assert found is not None
        return found


async def _get(url: str, context: ssl.SSLContext) -> int:
    async with httpx.AsyncClient(verify=context, timeout=20) as client:
        return (await client.get(url)).status_code


def test_the_end_of_a_certificate_is_read_as_another_library_reads_it(pki: Pki) -> None:
    for days in (1, 30, 9_000, 30_000):
        pki.issue(days)
        certificate = x509.load_pem_x509_certificate(pki.cert.read_bytes())
        assert not_after(pki.cert.read_text()) == certificate.not_valid_after_utc


@pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"])
def test_what_is_no_certificate_is_refused(text: str, pki: Pki) -> None:
    pki.cert.write_text(text)
    with pytest.raises(TlsFilesWrong, match=r"tls_cert .*server\.pem"):
        ServerTls(pki.cert, pki.key)


def test_settings_that_lack_each_other_are_refused(pki: Pki) -> None:
    with pytest.raises(TlsFilesWrong, match="belong together"):
        server_tls(pki.cert, None, None)
    with pytest.raises(TlsFilesWrong, match="client_ca needs"):
        server_tls(None, None, pki.client_ca)
    assert server_tls("", "", "") is None


def test_a_broken_renewal_keeps_the_old_certificate(pki: Pki) -> None:
    tls = ServerTls(pki.cert, pki.key)
    expires, good = tls.expires_at, pki.key.read_bytes()
    pki.issue(60)
    renewed_key = pki.key.read_bytes()
    pki.key.write_bytes(good)  # of another certificate
    with pytest.raises(TlsFilesWrong):
        tls.refresh()
    assert tls.expires_at == expires
    pki.key.write_bytes(renewed_key)
    assert tls.refresh()
    assert tls.expires_at > expires
    assert not tls.refresh()


async def test_the_gateway_serves_tls_13_and_renews_without_a_restart(pki: Pki, start_gateway: StartGateway) -> None:
    gateway = await start_gateway(tls_cert=pki.cert, tls_key=pki.key)
    url = f"https://127.0.0.1:{gateway.port}/v1/models"
    assert await _get(url, pki.client()) == 401
    old = pki.client()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(httpx.ConnectError):
        await _get(url, old)
    with pytest.raises(httpx.HTTPError):
        async with httpx.AsyncClient(timeout=20) as client:
            await client.get(url.replace("https", "http"))
    before = _serial(pki.client(), gateway.port)
    pki.issue(3)

    async def renewed() -> bool:
        return _serial(pki.client(), gateway.port) != before

    await until(renewed)
    left = await gateway.metric("mercato_gateway_certificate_expires_timestamp_seconds")
    assert abs(left - (datetime.now(UTC) + timedelta(days=3)).timestamp()) < 3600


async def test_the_gateway_lets_in_who_shows_a_certificate(pki: Pki, start_gateway: StartGateway) -> None:
    gateway = await start_gateway(tls_cert=pki.cert, tls_key=pki.key, client_ca=pki.client_ca)
    url = f"https://127.0.0.1:{gateway.port}/v1/models"
    assert await _get(url, pki.client(of=pki.clients)) == 401
    for stranger in (None, pki.authority):
        with pytest.raises(httpx.HTTPError):
            await _get(url, pki.client(of=stranger))


async def test_a_call_passes_by_tls_as_without(
    pki: Pki, start_gateway: StartGateway, control: ControlPlane, shop: MakeShop
) -> None:
    made = shop()
    gateway = await start_gateway(tls_cert=pki.cert, tls_key=pki.key)
    async with httpx.AsyncClient(verify=pki.client(), timeout=20) as client:
        for _ in range(3):
            answer = await client.post(
                f"https://127.0.0.1:{gateway.port}/v1/embeddings",
                headers={"authorization": f"Bearer {made.key}"},
                json=made.body(input="x" * 100_000),
            )
            assert answer.status_code == 200, answer.text

    async def shipped() -> bool:
        return len(control.events) == 3

    await until(shipped)


def test_control_plane_and_gateway_speak_by_certificates(pki: Pki, place: Place, database_url: str) -> None:
    place.environment["DATABASE_URL"] = database_url
    internal, admin = free_ports(2)
    words = ["--tls-cert", str(pki.cert), "--tls-key", str(pki.key), "--client-ca", str(pki.client_ca)]
    served = place.start("serve", "control", "--internal-port", str(internal), *words)

    def answers(port: int, context: ssl.SSLContext) -> int:
        try:
            return httpx.get(f"https://127.0.0.1:{port}/readyz", verify=context, timeout=20).status_code
        except httpx.HTTPError:
            return 0

    eventually(lambda: answers(place.port, pki.client()) == 200, f"public without a certificate: {served.err()}")
    eventually(lambda: answers(internal, pki.client(of=pki.clients)) == 200, "internal with a certificate")
    assert answers(internal, pki.client()) == 0
    assert answers(internal, pki.client(of=pki.authority)) == 0
    ca, cert, key = pki.client_files()
    place.environment |= {
        "MERCATO_CONTROL_URL": f"https://127.0.0.1:{internal}",
        "MERCATO_GATEWAY_CONTROL_CA": str(ca),
        "MERCATO_GATEWAY_CONTROL_CERT": str(cert),
        "MERCATO_GATEWAY_CONTROL_KEY": str(key),
        "MERCATO_GATEWAY_ADMIN_PORT": str(admin),
    }
    gateway = place.start("serve", "gateway")

    def ready() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{admin}/readyz", timeout=20).status_code == 200
        except httpx.HTTPError:
            return False

    eventually(ready, f"the gateway has routes: {gateway.err()}")
    gateway.stop()
    served.stop()


def test_wrong_files_are_one_line(pki: Pki, place: Place, database_url: str) -> None:
    place.environment |= {"DATABASE_URL": database_url, "MERCATO_TLS_CERT": str(pki.cert)}
    refused = place.run("serve", "control")
    assert refused.returncode == 1
    assert "belong together" in refused.stderr
    place.environment |= {"MERCATO_TLS_KEY": str(pki.key), "MERCATO_CLIENT_CA": str(pki.client_ca)}
    refused = place.run("up")
    assert refused.returncode == 1
    assert "MERCATO_CLIENT_CA is for" in refused.stderr
