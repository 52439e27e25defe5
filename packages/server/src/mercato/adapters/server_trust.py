"""Whom clients of an engine over HTTP take for its server."""

import ssl
from pathlib import Path


def trust_of(url: str, authority: Path | None) -> ssl.SSLContext | bool:
    """What httpx verifies the server of `url` with: the system's authorities, or the one of this PEM file."""
    if not url.startswith("https"):
        return False
    return ssl.create_default_context(cafile=None if authority is None else str(authority))


def is_about_trust(error: BaseException | None) -> bool:
    """Whether the error comes from a certificate that was not believed."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
