"""Seals vendors' secrets for the database: AES-256-GCM, a key for each organisation, bound to the secret's name."""

import hmac

from mercato.platform import MarketplaceSecret, Purpose, Seal, SealBroken

_FINGERPRINT_DIGITS = 12


class CredentialSeal:
    """Seals with keys derived from the marketplace's `secret`; a value moved to another row does not open."""

    def __init__(self, secret: MarketplaceSecret) -> None:
        self._secret = secret
        self._seal = Seal(secret, Purpose.VENDOR_CREDENTIAL)

    def seal(self, organisation_id: str, name: str, nonce: bytes, value: str) -> bytes:
        """`nonce` is 12 random bytes, never used twice; the ciphertext follows it."""
        return self._seal.seal(organisation_id, nonce, value.encode(), place=place_of(organisation_id, name))

    def open(self, organisation_id: str, name: str, sealed: bytes) -> str | None:
        """The secret; `None` if it was sealed for another row or with another key, or was altered."""
        try:
            return self._seal.open(organisation_id, sealed, place=place_of(organisation_id, name)).decode()
        except SealBroken:
            return None

    def fingerprint(self, organisation_id: str, value: str) -> str:
        """12 hexadecimal digits that identify a secret to its owner; without our key nobody can test guesses."""
        key = self._secret.derive(Purpose.VENDOR_CREDENTIAL_FINGERPRINT, organisation_id)
        return hmac.digest(key, value.encode(), "sha256").hex()[:_FINGERPRINT_DIGITS]


def place_of(organisation_id: str, name: str) -> str:
    """What the ciphertext is bound to; neither an id nor a name contains a NUL."""
    return f"{organisation_id}\0{name}"
