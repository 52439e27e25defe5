"""The marketplace's secret within a process: new things are made with the newest key, older keys still open.

Each value is tried with the newest key first. So a ring of several keys costs something only for what an older key
made, and what is sealed needs no key's id in it: it is the same bytes as before there were rings.
"""

import hmac
from collections.abc import Iterator, Sequence
from datetime import datetime

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mercato.platform.clock import Clock, SystemClock
from mercato.platform.key_ring import KeyRing, RingKey
from mercato.platform.secrets import Purpose, SealBroken, derive_key

_NONCE_BYTES = 12


class MarketplaceSecret:
    """The ring that this process has read. All that derives, seals or signs shares it, and sees a new ring at once."""

    def __init__(self, ring: KeyRing, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock

    @classmethod
    def of(cls, secret: bytes) -> "MarketplaceSecret":
        """A secret of one key, 32 bytes or more."""
        return cls(KeyRing.of(secret), SystemClock())

    @property
    def ring(self) -> KeyRing:
        return self._ring

    def replace(self, ring: KeyRing) -> None:
        """From now on this ring counts."""
        self._ring = ring

    @property
    def newest(self) -> RingKey:
        """The key that new things are made with now."""
        return self.newest_at(self._clock.now())

    def newest_at(self, moment: datetime) -> RingKey:
        """The key that things of this moment were made with, or the oldest one that is left."""
        usable = [key for key in self._ring.keys if key.secret is not None]
        return next((key for key in reversed(usable) if key.since <= moment), usable[0])

    @property
    def all(self) -> Sequence[bytes]:
        """Every key's secret: the newest first, then the others from the last one back."""
        return [secret for _, secret in self.by_id()]

    def by_id(self) -> Sequence[tuple[str, bytes]]:
        """As `all`, each with the id of its key."""
        newest = self.newest
        others = [key for key in reversed(self._ring.keys) if key is not newest]
        return [(key.id, key.secret) for key in (newest, *others) if key.secret is not None]

    def derive(self, purpose: Purpose, name: str = "") -> bytes:
        """32 bytes for one purpose and name, by the newest key."""
        return derive_key(_secret(self.newest), purpose, name)

    def derive_at(self, moment: datetime, purpose: Purpose, name: str) -> bytes:
        """As `derive` gave them at this moment."""
        return derive_key(_secret(self.newest_at(moment)), purpose, name)

    def derive_each(self, purpose: Purpose, name: str = "") -> Iterator[bytes]:
        """As `derive`, by each key in turn."""
        return (derive_key(secret, purpose, name) for secret in self.all)


def is_any_of(given: str, made: Iterator[str]) -> bool:
    """Whether what was given is one of those that our keys make; how long it takes says nothing about them."""
    sent = given.encode("utf-8", "replace")
    return any(hmac.compare_digest(sent, each.encode()) for each in made)


class Seal:
    """AES-256-GCM with one key for each name, derived from the marketplace's `secret` for one purpose."""

    def __init__(self, secret: MarketplaceSecret, purpose: Purpose) -> None:
        self._secret = secret
        self._purpose = purpose

    def seal(self, name: str, nonce: bytes, content: bytes, *, place: str = "") -> bytes:
        """The nonce followed by the ciphertext; `place` must be the same to open it.

        `nonce` is 12 random bytes, never used twice for one name.
        """
        cipher = AESGCM(self._secret.derive(self._purpose, name))
        return nonce + cipher.encrypt(nonce, content, place.encode())

    def open(self, name: str, sealed: bytes, *, place: str = "") -> bytes:
        """The content. Raises `SealBroken`."""
        return self.open_with_id(name, sealed, place=place)[1]

    def open_with_id(self, name: str, sealed: bytes, *, place: str = "") -> tuple[str, bytes]:
        """The id of the key that sealed it, and the content. Raises `SealBroken`."""
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        for key_id, secret in self._secret.by_id():
            try:
                cipher = AESGCM(derive_key(secret, self._purpose, name))
                return key_id, cipher.decrypt(nonce, ciphertext, place.encode())
            except (InvalidTag, ValueError):
                continue
        raise SealBroken(f"A sealed {self._purpose.name.lower()} does not open.")


def _secret(key: RingKey) -> bytes:
    assert key.secret is not None
    return key.secret
