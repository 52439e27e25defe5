"""The stand-in of a KMS: a key in a file, on another disk than the state folder. For tests and for one machine."""

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mercato.platform import KmsFailed

_PLACE = b"mercato key of a ring"
_KEY_BYTES, _NONCE_BYTES = 32, 12
_FOR_OTHERS = 0o077


class FileKms:
    """A `KeyWrapper` by AES-256-GCM. The file has 32 bytes in hexadecimal and is its owner's alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def reference(self) -> str:
        return f"file:{self._path}"

    def wrap(self, key: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, key, _PLACE)

    def unwrap(self, wrapped: bytes) -> bytes:
        try:
            return self._cipher().decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _PLACE)
        except (InvalidTag, ValueError):
            raise KmsFailed(f"{self._path} is another key than the one that wrapped it") from None

    def _cipher(self) -> AESGCM:
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & _FOR_OTHERS:
                    raise KmsFailed(f"others may read {self._path}: run `chmod 600 {self._path}`")
                key = bytes.fromhex(file.read(1_000).decode("ascii").strip())
        except OSError as error:
            raise KmsFailed(f"{self._path} cannot be read ({error.strerror})") from None
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise KmsFailed(f"{self._path} has not {_KEY_BYTES} bytes in hexadecimal, as `openssl rand -hex 32` makes")
        return AESGCM(key)
