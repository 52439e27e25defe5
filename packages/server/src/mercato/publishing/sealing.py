"""How vendors' secrets lie in the database: AES-256-GCM, a key for each organisation, bound to the secret's name."""

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_FINGERPRINT_DIGITS = 12


class CredentialSeal:
    """Seals with keys made from the marketplace's own `secret`; what lies in another row's place does not open."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, organisation_id: str, name: str, nonce: bytes, value: str) -> bytes:
        """`nonce` is 12 random bytes, never used twice; it stands before the ciphertext."""
        cipher = AESGCM(self._key(b"vendor credential", organisation_id))
        return nonce + cipher.encrypt(nonce, value.encode(), _place(organisation_id, name))

    def open(self, organisation_id: str, name: str, sealed: bytes) -> str | None:
        """The secret; `None` where it was sealed for another place, with another key, or was altered."""
        cipher = AESGCM(self._key(b"vendor credential", organisation_id))
        try:
            nonce, text = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
            return cipher.decrypt(nonce, text, _place(organisation_id, name)).decode()
        except (InvalidTag, ValueError):
            return None

    def fingerprint(self, organisation_id: str, value: str) -> str:
        """12 hexadecimal digits by which its owner tells secrets apart; without our key nobody can try guesses."""
        key = self._key(b"vendor credential fingerprint", organisation_id)
        return hmac.digest(key, value.encode(), "sha256").hex()[:_FINGERPRINT_DIGITS]

    def _key(self, purpose: bytes, organisation_id: str) -> bytes:
        return hmac.digest(self._secret, purpose + b"\0" + organisation_id.encode(), "sha256")


def _place(organisation_id: str, name: str) -> bytes:
    """What the ciphertext is bound to; neither an id nor a name holds a NUL."""
    return f"{organisation_id}\0{name}".encode()
