"""Everything that is derived from a secret of the marketplace: one list of purposes, one derivation, one seal.

Rows, links and heads made long ago must still open and verify, so a purpose's value never changes.
Access tokens (`identity/tokens.py`) use the signing key itself; what they sign begins with no purpose of this list.
What has several keys, the newest and older ones, is in `platform/marketplace_secret.py`.
"""

import enum
import hmac


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
    KEY_ID = b"id of a key\0"


class SealBroken(Exception):
    """The content was sealed with another secret, name or place, or was altered."""


def derive_key(secret: bytes, purpose: Purpose, name: str = "") -> bytes:
    """32 bytes for one purpose and, within it, one name: HMAC-SHA256 of both by the secret."""
    return hmac.digest(secret, purpose.value + name.encode(), "sha256")
