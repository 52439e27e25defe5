"""Signatures of Standard Webhooks, and secrets that lie sealed.

Source: the Standard Webhooks specification 1.0.0, symmetric signatures: `v1,` and the base64 HMAC-SHA256 of
`id.timestamp.body` by the secret's bytes; several, for several secrets, are separated by blanks.
"""

import base64
import hmac
from collections.abc import Sequence

from mercato.platform import MarketplaceSecret, Purpose, Seal

_PREFIX = "whsec_"
SECRET_BYTES = 32


def secret_text(secret: bytes) -> str:
    """The secret as its owner keeps it: `whsec_` and base64."""
    return _PREFIX + base64.b64encode(secret).decode()


def sign(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`. `timestamp` in seconds since 1970."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(secret, content, 'sha256')).decode()}" for secret in secrets)


class SecretSeal(Seal):
    """Seals endpoints' secrets by the endpoint's id. `secret` is the marketplace's own."""

    def __init__(self, secret: MarketplaceSecret) -> None:
        super().__init__(secret, Purpose.WEBHOOK_SECRET)
