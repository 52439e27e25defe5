"""Checks Ed25519 signatures."""

import base64


def is_signed(content: bytes, *, key: str, signature: str) -> bool:
    """Whether this is the Ed25519 signature of `content` by `key` (both base64); what is neither is no signature."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        public.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return True
