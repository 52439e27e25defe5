"""TLS of our own listeners: 1.3 only, certificates read again while the process runs, clients' certificates if wanted.

Both planes use it, so both refuse the same. It knows files and the standard library only.
"""

import re
import ssl
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.S)
_UTC_TIME, _CONTEXT_0 = 0x17, 0xA0


class TlsFilesWrong(ValueError):
    """A certificate, key or authority cannot be used; the message names the setting and the file."""


class ServerTls:
    """The TLS of one listener. `context` stays the same; what it serves is renewed by `refresh`.

    `client_ca` names a PEM file of authorities: clients must then show a certificate of theirs.
    """

    def __init__(self, cert: str | Path, key: str | Path, client_ca: str | Path | None = None) -> None:
        self._cert, self._key = Path(cert), Path(key)
        self._client_ca = Path(client_ca) if client_ca else None
        self._seen = self._stamps()
        self._current, self.expires_at = self._build()
        self.context, _ = self._build()
        # Asked in each handshake, also where the client names no server.
        self.context.sni_callback = self._choose

    def refresh(self) -> bool:
        """Read the files again if they changed; whether they did. Raises `TlsFilesWrong` and keeps the old ones."""
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._current, self.expires_at = self._build()
        self._seen = stamps
        return True

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = self._current

    def _stamps(self) -> list[tuple[int, int, int]]:
        found = []
        for path in filter(None, (self._cert, self._key, self._client_ca)):
            try:
                stat = path.stat()
            except OSError:
                # In the middle of a change; if it stays away, reading it says so.
                found.append((0, 0, 0))
            else:
                found.append((stat.st_mtime_ns, stat.st_ino, stat.st_size))
        return found

    def _build(self) -> tuple[ssl.SSLContext, datetime]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._cert, self._key)
            expires_at = not_after(self._cert.read_text())
        except (OSError, ValueError) as error:
            raise TlsFilesWrong(f"tls_cert {self._cert} with tls_key {self._key} cannot be used: {error}") from None
        if self._client_ca is not None:
            try:
                context.load_verify_locations(self._client_ca)
            except OSError as error:
                raise TlsFilesWrong(f"client_ca {self._client_ca} cannot be used: {error}") from None
            context.verify_mode = ssl.CERT_REQUIRED
            # A session that is resumed would be let in without its certificate being looked at again.
            context.num_tickets = 0
        return context, expires_at


def server_tls(cert: str | Path | None, key: str | Path | None, client_ca: str | Path | None) -> ServerTls | None:
    """The TLS that these settings ask for; none where none is set. Raises `TlsFilesWrong` where one lacks another."""
    if bool(cert) != bool(key):
        raise TlsFilesWrong("tls_cert and tls_key belong together: set both or none.")
    if not cert or not key:
        if client_ca:
            raise TlsFilesWrong("client_ca needs tls_cert and tls_key: without TLS nobody shows a certificate.")
        return None
    return ServerTls(cert, key, client_ca)


def client_context(ca: str | Path | None, cert: str | Path | None, key: str | Path | None) -> ssl.SSLContext:
    """What a process of ours speaks to another with: `ca` instead of the system's authorities, `cert` to show."""
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
        if cert:
            context.load_cert_chain(cert, key or None)
    except OSError as error:
        raise TlsFilesWrong(f"the certificates {ca or ''} {cert or ''} cannot be used: {error}") from None
    return context


def not_after(pem: str) -> datetime:
    """When the first certificate of a PEM text expires (RFC 5280, 4.1.2.5). Raises `ValueError`."""
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("no certificate in it")
    whole = _fields(b64decode(found[1]))[0][1]
    parts = _fields(_fields(whole)[0][1])
    if parts[0][0] == _CONTEXT_0:  # the version
        parts = parts[1:]
    tag, text = _fields(parts[3][1])[1]
    digits = text.decode("ascii")
    if tag == _UTC_TIME:
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _fields(der: bytes) -> list[tuple[int, bytes]]:
    """Tags and contents of what stands one after the other."""
    found, at = [], 0
    while at < len(der):
        tag, size = der[at], der[at + 1]
        at += 2
        if size & 0x80:
            width = size & 0x7F
            size = int.from_bytes(der[at : at + width], "big")
            at += width
        if at + size > len(der):
            raise ValueError("the certificate is cut off")
        found.append((tag, der[at : at + size]))
        at += size
    return found
