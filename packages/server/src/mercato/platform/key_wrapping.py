"""The keys of the marketplace on disk, wrapped by a key that a key management service (KMS) holds.

Envelope encryption: the ring is sealed with a key drawn for this file, and only that key goes to the KMS. So the ring
may be of any length, and the KMS never sees it. The file is lines:

    mercato-wrapped-keys/1
    by <the KMS, for people>
    key <the wrapped key in base64>
    ring <12 bytes of nonce and the sealed ring in base64>
"""

import base64
import secrets
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_HEADER = "mercato-wrapped-keys/1"
_KEY_BYTES, _NONCE_BYTES = 32, 12


class KmsFailed(Exception):
    """The KMS did not answer, refused us, or did not wrap this key. The message names what to look at."""


class KeyWrapper(Protocol):
    """A KMS. `reference` names its key for people; it is no secret."""

    @property
    def reference(self) -> str: ...

    def wrap(self, key: bytes) -> bytes:
        """This key of 32 bytes, encrypted. Raises `KmsFailed`."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """What `wrap` was given. Raises `KmsFailed`."""
        ...


def is_wrapped(content: bytes) -> bool:
    """Whether this is a file that `wrap_ring` made."""
    return content.startswith(_HEADER.encode() + b"\n")


def wrapped_by(content: bytes) -> str:
    """The KMS that a wrapped file names; this much is read of a damaged one, too."""
    lines = content.decode(errors="replace").split("\n")
    return lines[1].removeprefix("by ") if len(lines) > 1 else ""


def wrap_ring(ring: bytes, wrapper: KeyWrapper) -> bytes:
    """The file of this ring. Raises `KmsFailed`."""
    key, nonce = secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_NONCE_BYTES)
    sealed = nonce + AESGCM(key).encrypt(nonce, ring, _HEADER.encode())
    lines = (_HEADER, f"by {wrapper.reference}", f"key {_text(wrapper.wrap(key))}", f"ring {_text(sealed)}", "")
    return "\n".join(lines).encode()


def unwrap_ring(content: bytes, wrapper: KeyWrapper) -> bytes:
    """The ring of a wrapped file. Raises `KmsFailed`."""
    _, wrapped, sealed = _read(content)
    key = wrapper.unwrap(wrapped)
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _HEADER.encode())
    except (InvalidTag, ValueError):
        raise KmsFailed("the file was altered") from None


def _read(content: bytes) -> tuple[str, bytes, bytes]:
    try:
        _, by, key, ring, end = content.decode().split("\n")
        names = [line.split(" ", 1) for line in (by, key, ring)]
        if [name for name, _ in names] != ["by", "key", "ring"] or end:
            raise ValueError
        (_, reference), (_, wrapped), (_, sealed) = names
        return reference, base64.b64decode(wrapped, validate=True), base64.b64decode(sealed, validate=True)
    except ValueError:
        raise KmsFailed("the file was cut or altered") from None


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
