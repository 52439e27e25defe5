"""Signatures of Standard Webhooks, and secrets that lie sealed.

Source: the Standard Webhooks specification 1.0.0, symmetric signatures: `v1,` and the base64 HMAC-SHA256 of
`id.timestamp.body` by the secret's bytes; several, for several secrets, are separated by blanks.
"""

import base64
import hmac
from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_PREFIX = "whsec_"
SECRET_BYTES = 32


def secret_text(secret: bytes) -> str:
    """As its owner keeps it: `whsec_` and base64."""
    return _PREFIX + base64.b64encode(secret).decode()


def sign(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`. `timestamp` in seconds since 1970."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(secret, content, 'sha256')).decode()}" for secret in secrets)


class SecretSeal:
    """Seals secrets with a key made from the marketplace's own `secret` and the endpoint's id."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, endpoint_id: str, nonce: bytes, secret: bytes) -> bytes:
        """`nonce` is 12 random bytes; it stands before the ciphertext."""
        return nonce + AESGCM(self._key(endpoint_id)).encrypt(nonce, secret, None)

    def open(self, endpoint_id: str, sealed: bytes) -> bytes:
        return AESGCM(self._key(endpoint_id)).decrypt(sealed[:12], sealed[12:], None)

    def _key(self, endpoint_id: str) -> bytes:
        return hmac.digest(self._secret, b"webhook secret\0" + endpoint_id.encode(), "sha256")
