"""Archives that only the owner of a key can open: tar within age (https://age-encryption.org/v1).

Who makes one needs the public half of the key alone, so a machine that makes backups cannot read them.
"""

import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyrage


class ArchiveNotOpened(Exception):
    """The key does not open it, or it is damaged or cut off."""


def make_key(path: Path) -> str:
    """A new key in a new file that only its owner reads; returns its public half. Raises `FileExistsError`."""
    identity = pyrage.x25519.Identity.generate()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"# public key: {identity.to_public()}\n{identity}\n")
    return str(identity.to_public())


@contextmanager
def write_archive(file: IO[bytes], recipient: str, folder: Path) -> Iterator[tarfile.TarFile]:
    """What is added goes to `file`, encrypted at the end; until then it is a file of `folder` that has no name."""
    to = pyrage.x25519.Recipient.from_str(recipient)
    with tempfile.TemporaryFile(dir=folder) as plain:
        with tarfile.open(fileobj=plain, mode="w:gz", compresslevel=1) as archive:
            yield archive
        plain.seek(0)
        pyrage.encrypt_io(plain, file, [to])


@contextmanager
def read_archive(file: IO[bytes], key: Path, folder: Path) -> Iterator[tarfile.TarFile]:
    """The archive, once all of it was decrypted and found whole. Raises `ArchiveNotOpened`."""
    lines = [line for line in key.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-")]
    if not lines:
        raise ArchiveNotOpened(f"{key} holds no key: it has a line AGE-SECRET-KEY-1…")
    identities = [pyrage.x25519.Identity.from_str(line) for line in lines]
    with tempfile.TemporaryFile(dir=folder) as plain:
        try:
            pyrage.decrypt_io(file, plain, identities)
            plain.seek(0)
            with tarfile.open(fileobj=plain, mode="r:gz") as archive:
                yield archive
        except (pyrage.DecryptError, tarfile.TarError, EOFError, OSError) as error:
            raise ArchiveNotOpened(f"the key does not open it, or it is damaged: {error}") from None
