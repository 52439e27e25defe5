"""How the console reaches the gateway: its address, and which certificate it believes.

By its public address it must show a certificate of that name, of a public authority or of `MERCATO_GATEWAY_CA`.
On loopback no certificate bears the right name, so there only the configured certificate itself is believed, or one of
that authority.
"""

import ssl
from functools import lru_cache
from pathlib import Path

from mercato.edge.wiring import Wiring
from mercato.platform import Refusal


class GatewayAway(Refusal):
    """The console could not reach the gateway."""

    code = "gateway_away"
    status = 502
    title = "The gateway does not answer"
    fix = "Check that the gateway runs (`mercato doctor`), and try again."


def inner_url(parts: Wiring) -> str:
    """The gateway as this machine reaches it, without a closing slash."""
    return parts.gateway_url or f"{scheme(parts)}://127.0.0.1:{parts.gateway_port}"


def scheme(parts: Wiring) -> str:
    """What the gateway of this host speaks."""
    return "http" if parts.gateway_cert is None and parts.gateway_ca is None else "https"


def trust(parts: Wiring) -> ssl.SSLContext | bool:
    """What `httpx` verifies with. Raises `GatewayAway` for files that cannot be used; renewed files are read again."""
    cert, ca = _stamped(parts.gateway_cert), _stamped(parts.gateway_ca)
    if (cert is None and ca is None) or not inner_url(parts).startswith("https:"):
        return True
    try:
        return _context(cert, ca, by_name=parts.gateway_url is not None)
    except (OSError, ValueError) as error:
        names = " and ".join(str(file[0]) for file in (cert, ca) if file is not None)
        raise GatewayAway(f"The gateway's certificate cannot be checked with {names}: {error}.") from None


_File = tuple[Path, int]
"""With the time of its last change, so that a renewed one is read."""


@lru_cache(maxsize=2)
def _context(cert: _File | None, ca: _File | None, *, by_name: bool) -> ssl.SSLContext:
    context = ssl.create_default_context() if by_name else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = by_name
    if cert is not None:
        # The first of the file alone, for itself: those after it are authorities, which sign for others too.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=_first(cert[0].read_text()))
    if ca is not None:
        context.load_verify_locations(ca[0])
    return context


def _first(pem: str) -> str:
    end = "-----END CERTIFICATE-----"
    return pem[: pem.index(end) + len(end)]


def _stamped(path: Path | None) -> _File | None:
    try:
        return None if path is None else (path, path.stat().st_mtime_ns)
    except OSError:
        return None if path is None else (path, 0)
