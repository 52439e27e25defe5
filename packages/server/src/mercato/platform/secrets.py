"""Everything that is derived from a secret of the marketplace: one list of purposes, one derivation, one seal.

Rows, links and heads made long ago must still open and verify, so a purpose's value never changes.
Access tokens (`identity/tokens.py`) use the signing key itself; what they sign begins with no purpose of this list.
"""

import enum
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12


class Purpose(enum.Enum):
    """What a derived key is for. The value is hashed before the key's name; no value is the beginning of another."""

    IDEMPOTENT_ANSWER = b"idempotent answer\0"
    WEBHOOK_SECRET = b"webhook secret\0"
    VENDOR_CREDENTIAL = b"vendor credential\0"
    VENDOR_CREDENTIAL_FINGERPRINT = b"vendor credential fingerprint\0"
    KNOWN_DEVICE = b"known device\0"
    OBJECT_LINK = b"signed links of objects"
    TRAINING_CLAIM = b"claims of training runs"
    SIGNED_HEAD = b"signal log heads"
    STOCK_ID = b"ids of "
    SECOND_FACTOR = b"second factor\0"
    INVITATION_LINK = b"invitation link\0"
    PASSWORD_RESET_LINK = b"password reset link\0"
    SSO_CLIENT_SECRET = b"sso client secret\0"
    SSO_SIGN_IN = b"sso sign-in\0"
    SEARCH_ASKER = b"asker of a search\0"
    MARKETPLACE_ID = b"id of this marketplace\0"
    PRIVATE_NAME = b"private name\0"


class SealBroken(Exception):
    """The content was sealed with another secret, name or place, or was altered."""


def derive_key(secret: bytes, purpose: Purpose, name: str = "") -> bytes:
    """32 bytes for one purpose and, within it, one name: HMAC-SHA256 of both by the secret."""
    return hmac.digest(secret, purpose.value + name.encode(), "sha256")


class Seal:
    """AES-256-GCM with one key for each name, derived from the marketplace's `secret` for one purpose."""

    def __init__(self, secret: bytes, purpose: Purpose) -> None:
        self._secret = secret
        self._purpose = purpose

    def seal(self, name: str, nonce: bytes, content: bytes, *, place: str = "") -> bytes:
        """The nonce followed by the ciphertext; `place` must be the same to open it.

        `nonce` is 12 random bytes, never used twice for one name.
        """
        return nonce + self._cipher(name).encrypt(nonce, content, place.encode())

    def open(self, name: str, sealed: bytes, *, place: str = "") -> bytes:
        """The content. Raises `SealBroken`."""
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher(name).decrypt(nonce, ciphertext, place.encode())
        except (InvalidTag, ValueError):
            raise SealBroken(f"A sealed {self._purpose.name.lower()} does not open.") from None

    def _cipher(self, name: str) -> AESGCM:
        return AESGCM(derive_key(self._secret, self._purpose, name))
