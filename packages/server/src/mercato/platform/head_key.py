"""Signs heads of chains with the newest key, and knows the public halves of all keys there ever were."""

import base64
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mercato.platform.key_ring import RingKey, head_signer, is_signed
from mercato.platform.marketplace_secret import MarketplaceSecret
from mercato_contracts.head_keys import HeadKeyState, PublishedHeadKey


@dataclass(frozen=True, slots=True)
class HeadSigner:
    """One key. `public` is 32 bytes in base64."""

    public: str
    _private: Ed25519PrivateKey

    def sign(self, content: bytes) -> str:
        """A signature in base64."""
        return base64.b64encode(self._private.sign(content)).decode()


class HeadKey:
    """The marketplace's Ed25519 keys for heads of chains, made from its own `secret`."""

    def __init__(self, secret: MarketplaceSecret) -> None:
        self._secret = secret
        self._signers: dict[str, HeadSigner] = {}

    def signer(self) -> HeadSigner:
        """The newest key: what it signs, and the key that stands beside the signature, belong together."""
        newest = self._secret.newest
        assert newest.secret is not None
        return self._signer_of(newest, newest.secret)

    @property
    def public(self) -> str:
        """The newest key's public half: 32 bytes in base64."""
        return self._secret.newest.public

    def has_signed(self, content: bytes, key: str, signature: str) -> bool:
        """Whether `key` is one of ours, be it retired, and made the signature."""
        found = next((each for each in self._secret.ring.keys if each.public == key), None)
        if found is None:
            return False
        if found.secret is None:
            return is_signed(content, key=key, signature=signature)
        # Ed25519 always signs the same bytes in the same way (RFC 8032), and signing is faster than verifying.
        return self._signer_of(found, found.secret).sign(content) == signature

    def published(self) -> list[PublishedHeadKey]:
        """Every key that ever signed, the oldest first."""
        newest = self._secret.newest
        return [
            PublishedHeadKey(
                id=each.id, key=each.public, since=each.since_text, state=_state_of(each, newest),
                by_the_one_before=each.by_the_one_before, by_itself=each.by_itself,
            )
            for each in self._secret.ring.keys
        ]  # fmt: skip

    def _signer_of(self, key: RingKey, secret: bytes) -> HeadSigner:
        signer = self._signers.get(key.id)
        if signer is None:
            signer = self._signers[key.id] = HeadSigner(key.public, head_signer(secret))
        return signer


def _state_of(key: RingKey, newest: RingKey) -> HeadKeyState:
    if key.secret is None:
        return "retired"
    if key is newest:
        return "newest"
    return "coming" if key.since > newest.since else "older"
