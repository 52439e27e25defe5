"""Signatures of deployments: Ed25519 (RFC 8032) over the exact bytes of a body."""

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from mercato.deployments.refusals import NotLinked, PublicKeyMalformed, SignatureRefused
from mercato.deployments.repository import LinkRepository
from mercato.platform import Session
from mercato_contracts.deployments import SIGNATURE_SCHEME


class Signatures:
    """Verifies signatures of deployments, within one transaction."""

    def __init__(self, session: Session) -> None:
        self._rows = LinkRepository(session)

    async def check(self, deployment_id: str, body: bytes, header: str | None) -> None:
        """Returns when `header` (`Mercato-Signature`) is the deployment's signature of `body`.

        Raises `NotLinked`, `SignatureRefused`.
        """
        link = await self._rows.find(deployment_id)
        if link is None:
            raise NotLinked(f"Of {deployment_id} no public key is known.", deployment=deployment_id)
        verify(link.public_key, body, header)


def verify(public_key: str, body: bytes, header: str | None) -> None:
    """Raises `SignatureRefused` unless `header` is this key's signature of `body`."""
    scheme, _, written = (header or "").strip().partition("=")
    try:
        signature = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    if scheme != SIGNATURE_SCHEME or len(signature) != 64:
        raise SignatureRefused("The request carries no `Mercato-Signature: ed25519=<base64>`.")
    try:
        read_public_key(public_key).verify(signature, body)
    except InvalidSignature:
        raise SignatureRefused("The signature was not made by this deployment's key over this body.") from None


def read_public_key(text: str) -> Ed25519PublicKey:
    """The key whose 32 bytes `text` has in base64. Raises `PublicKeyMalformed`."""
    try:
        raw = base64.b64decode(text, validate=True)
        if base64.b64encode(raw).decode() != text:
            raise ValueError("written otherwise")
        return Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError):
        raise PublicKeyMalformed("`public_key` is not 32 bytes in base64.") from None
