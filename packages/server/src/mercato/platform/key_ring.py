"""The marketplace's keys as they lie in `signing.key`: the newest, older ones, public halves of retired ones.

The file of a marketplace that never rotated is one key in hexadecimal. Since the first rotation it is lines:

    mercato-keys/1
    retired <id> <since> <public key> <signature of the one before> <its own signature>
    key <id> <since> <secret in hexadecimal> <signature of the one before> <its own signature>
    end <SHA-256 of the lines before>

in the order of `since`, `-` for a missing signature. What the signatures are of is in `mercato_contracts.head_keys`.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from mercato.platform.secrets import Purpose, derive_key
from mercato_contracts.head_keys import link_bytes

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
"""`since` of a marketplace's first key."""

LEAST_BYTES, _MOST_BYTES = 32, 128
_MOST_LINES = 1_000
_HEADER, _END, _NONE = "mercato-keys/1", "end", "-"
_AT = "%Y-%m-%dT%H:%M:%SZ"
_ID_DIGITS = 8
_ID = re.compile(r"[0-9a-f]{8}")


class RingDamaged(Exception):
    """The file of the marketplace's keys is not one. The message says why, and never shows a secret."""


@dataclass(frozen=True, slots=True)
class RingKey:
    """One key. `secret` is `None` once it is retired; `public` is the Ed25519 key that its heads verify with."""

    id: str
    since: datetime
    secret: bytes | None = field(repr=False)
    public: str
    by_the_one_before: str = ""
    by_itself: str = ""

    @property
    def since_text(self) -> str:
        return self.since.strftime(_AT)


def head_signer(secret: bytes) -> Ed25519PrivateKey:
    """The key of this secret that signs heads of chains."""
    return Ed25519PrivateKey.from_private_bytes(derive_key(secret, Purpose.SIGNED_HEAD))


def is_signed(content: bytes, *, key: str, signature: str) -> bool:
    """Whether this is the Ed25519 signature of `content` by `key` (both base64); what is neither is no signature."""
    try:
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        public.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys in the order of `since`. The last one has its secret."""

    keys: tuple[RingKey, ...]

    @classmethod
    def of(cls, secret: bytes) -> "KeyRing":
        """A ring of one key, since ever. Raises `RingDamaged` for less than 32 bytes."""
        return cls((_key(secret, FIRST),))

    @classmethod
    def read(cls, content: bytes) -> "KeyRing":
        """The ring of a file. Raises `RingDamaged`."""
        try:
            lines = content.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise RingDamaged("it is not text") from None
        if lines[0] != _HEADER:
            return cls.of(_secret("\n".join(lines).strip()))
        if len(lines) > _MOST_LINES or lines[-2:] != [_end(lines[:-2]), ""]:
            raise RingDamaged("lines are missing or were altered")
        ring = cls(tuple(_read_line(line, number) for number, line in enumerate(lines[1:-2], 2)))
        _check(ring)
        return ring

    def write(self) -> bytes:
        """What `read` reads."""
        lines = [_HEADER, *map(_write_line, self.keys)]
        return "\n".join((*lines, _end(lines), "")).encode()

    @property
    def last(self) -> RingKey:
        """The key that is, or will be, the newest."""
        return self.keys[-1]

    def find(self, key_id: str) -> RingKey | None:
        return next((each for each in self.keys if each.id == key_id), None)

    def successor(self, key: RingKey) -> RingKey | None:
        """The key after this one."""
        place = self.keys.index(key) + 1
        return self.keys[place] if place < len(self.keys) else None

    def add(self, secret: bytes, since: datetime) -> "KeyRing":
        """With a key that everything new is made with from `since` on, or from a second after the last key's."""
        last = self.last
        assert last.secret is not None
        # Whole seconds, as the file has them.
        begins = max(since.replace(microsecond=0), last.since + timedelta(seconds=1))
        key = _key(secret, begins)
        link = link_bytes(last.public, key.public, key.since_text)
        signed = (_sign(head_signer(each), link) for each in (last.secret, secret))
        before, itself = signed
        ring = KeyRing((*self.keys, replace(key, by_the_one_before=before, by_itself=itself)))
        _check(ring)
        return ring

    def retire(self, key_id: str) -> "KeyRing":
        """Without the secret of this key; its public half stays. It is not the last one."""
        return KeyRing(tuple(replace(each, secret=None) if each.id == key_id else each for each in self.keys))


def _key(secret: bytes, since: datetime) -> RingKey:
    if not LEAST_BYTES <= len(secret) <= _MOST_BYTES:
        raise RingDamaged(f"a key has {LEAST_BYTES} to {_MOST_BYTES} bytes, and one of these has {len(secret)}")
    public = base64.b64encode(head_signer(secret).public_key().public_bytes_raw()).decode()
    return RingKey(derive_key(secret, Purpose.KEY_ID).hex()[:_ID_DIGITS], since, secret, public)


def _end(lines: list[str]) -> str:
    """The last line: a file that was cut or mistyped is not taken for a ring with fewer or other keys."""
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return f"{_END} {digest}"


def _sign(key: Ed25519PrivateKey, content: bytes) -> str:
    return base64.b64encode(key.sign(content)).decode()


def _secret(text: str) -> bytes:
    if not re.fullmatch(r"(?:[0-9a-fA-F]{2})*", text):
        raise RingDamaged("a key is not in hexadecimal")
    return bytes.fromhex(text)


def _read_line(line: str, number: int) -> RingKey:
    try:
        kind, key_id, since_text, content, before, itself = line.split(" ")
        since = datetime.strptime(since_text, _AT).replace(tzinfo=UTC)
    except ValueError:
        raise RingDamaged(f"line {number} is no key") from None
    before, itself = (("" if each == _NONE else each) for each in (before, itself))
    if kind == "retired" and _ID.fullmatch(key_id):
        return RingKey(key_id, since, None, content, before, itself)
    if kind != "key":
        raise RingDamaged(f"line {number} is no key")
    key = _key(_secret(content), since)
    if not hmac.compare_digest(key.id, key_id):
        raise RingDamaged(f"the key of line {number} is not the one of its id")
    return replace(key, by_the_one_before=before, by_itself=itself)


def _write_line(key: RingKey) -> str:
    kind, content = ("retired", key.public) if key.secret is None else ("key", key.secret.hex())
    return " ".join((kind, key.id, key.since_text, content, key.by_the_one_before or _NONE, key.by_itself or _NONE))


def _check(ring: KeyRing) -> None:
    if not ring.keys or ring.last.secret is None:
        raise RingDamaged("its last key is missing")
    if len({each.id for each in ring.keys}) < len(ring.keys):
        raise RingDamaged("two of its keys have the same id")
    for before, after in zip(ring.keys, ring.keys[1:], strict=False):
        if before.since >= after.since:
            raise RingDamaged(f"key {after.id} does not come after key {before.id}")
        link = link_bytes(before.public, after.public, after.since_text)
        by = ((before.public, after.by_the_one_before), (after.public, after.by_itself))
        if not all(is_signed(link, key=key, signature=signature) for key, signature in by):
            raise RingDamaged(f"key {after.id} is not signed by the one before it and by itself")
