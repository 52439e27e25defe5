"""Keys: `ck_` consumer, `vk_` vendor, `sit_` deployment token, `scim_` token of an identity provider.

`prefix_<id>_<secret><crc>`: the id finds the row, the secret (43 base-62 digits, 256 bits) proves, and the checksum
(CRC-32 of all before it, 6 base-62 digits) refuses a typo or a forgery without asking anyone. One pattern finds keys in
logs and in repositories.
"""

import re
import zlib
from dataclasses import dataclass
from typing import Literal, cast

KeyKind = Literal["ck", "vk", "sit", "scim"]
KINDS: tuple[KeyKind, ...] = ("ck", "vk", "sit", "scim")

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_DIGITS = 43
_CRC_DIGITS = 6

PATTERN = re.compile(
    r"(?<![0-9A-Za-z])(ck|vk|sit|scim)_([0-9a-f]{32})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})(?![0-9A-Za-z])"
)


class MalformedKey(ValueError):
    """The text is not a key of ours: wrong shape, or its checksum does not fit."""


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """A key whose checksum fits. `key_id` is the id of its row (`key_…`); the secret never shows in a repr."""

    kind: KeyKind
    key_id: str
    secret: str

    def __repr__(self) -> str:
        return f"ParsedKey({self.kind}_{self.key_id[4:]}_…)"


def _base62(value: int, digits: int) -> str:
    out = []
    for _ in range(digits):
        value, rest = divmod(value, 62)
        out.append(_DIGITS[rest])
    return "".join(reversed(out))


def key_secret(entropy: bytes) -> str:
    """The secret part of a key, from 32 random bytes."""
    if len(entropy) != 32:
        raise ValueError("a key takes 32 random bytes")
    return _base62(int.from_bytes(entropy, "big"), _SECRET_DIGITS)


def make_key(kind: KeyKind, key_id: str, entropy: bytes) -> str:
    """The text of a key for the row `key_id` (`key_` and 32 hexadecimal digits) from 32 random bytes."""
    body = f"{kind}_{key_id.removeprefix('key_')}_{key_secret(entropy)}"
    return body + _base62(zlib.crc32(body.encode()), _CRC_DIGITS)


def parse_key(text: str) -> ParsedKey:
    """The parts of a key. Raises `MalformedKey` for anything that this marketplace never issued."""
    match = PATTERN.fullmatch(text)
    if match is None:
        raise MalformedKey("not a key")
    if _base62(zlib.crc32(text[:-_CRC_DIGITS].encode()), _CRC_DIGITS) != match[4]:
        raise MalformedKey("checksum")
    return ParsedKey(cast(KeyKind, match[1]), f"key_{match[2]}", match[3])


def mask_keys(text: str) -> str:
    """`text` with the secret of every key replaced by an ellipsis; the id stays, so that a person can find the key."""
    return PATTERN.sub(lambda match: f"{match[1]}_{match[2]}_…", text)
