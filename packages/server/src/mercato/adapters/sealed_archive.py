"""Archives that only the owner of a key can open: tar within age (https://age-encryption.org/v1).

Who makes one needs the public half of the key alone, so a machine that makes backups cannot read them.
"""

import errno
import gzip
import os
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyrage

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class ArchiveNotOpened(Exception):
    """The key does not open it, or it is damaged or cut off; the text says what to do."""


class BadRecipient(Exception):
    """What was given is no public key."""


class NoRoom(Exception):
    """A disk is full, or a quota used up; the text says what to do."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            f"no room in {folder}: {error.strerror}; free some space or name another disk, then run it again"
        )


def make_key(path: Path) -> str:
    """A new key in a new file that only its owner reads; returns its public half. Raises `FileExistsError`."""
    identity = pyrage.x25519.Identity.generate()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"# public key: {identity.to_public()}\n{identity}\n")
    return str(identity.to_public())


@contextmanager
def write_archive(file: IO[bytes], recipient: str, folder: Path) -> Iterator[tarfile.TarFile]:
    """What is added goes to `file`, encrypted at the end; until then it is a file of `folder` that has no name.

    Raises `BadRecipient`, `NoRoom` for `folder`, and `OSError` for `file`.
    """
    try:
        to = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise BadRecipient(f"{recipient!r} is no public key of age: {error}") from None
    with tempfile.TemporaryFile(dir=folder) as plain:
        with naming_full_disk(folder), tarfile.open(fileobj=plain, mode="w:gz", compresslevel=1) as archive:
            yield archive
        plain.seek(0)
        sink = _Sink(file)
        try:
            pyrage.encrypt_io(plain, sink, [to])
        except pyrage.EncryptError as error:
            raise sink.error or error from None


class _Sink:
    """Keeps what writing raised: the library passes on its text alone."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()


@contextmanager
def naming_full_disk(folder: Path) -> Iterator[None]:
    """Raises `NoRoom` where something in it finds the disk of `folder` full."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise NoRoom(folder, error) from None
        raise


@contextmanager
def read_archive(file: IO[bytes], key: Path, folder: Path) -> Iterator[tarfile.TarFile]:
    """The archive, once all of it was decrypted and found whole. Raises `ArchiveNotOpened` and `NoRoom`."""
    identities = _identities(key)
    with tempfile.TemporaryFile(dir=folder) as plain:
        with naming_full_disk(folder):
            try:
                pyrage.decrypt_io(file, plain, identities)
            except pyrage.DecryptError as error:
                raise ArchiveNotOpened(
                    f"the key does not open it ({error}): name the key of the recipient that it was made for, "
                    "or another backup if this is none"
                ) from None
            except OSError as error:
                if error.errno is not None:
                    raise
                raise _damaged(error) from None
        plain.seek(0)
        try:
            with tarfile.open(fileobj=plain, mode="r:gz") as archive:
                yield archive
        except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise _damaged(error) from None


def _identities(key: Path) -> list[pyrage.x25519.Identity]:
    text = key.read_text(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.startswith("AGE-SECRET-KEY-")]
    if not lines:
        raise ArchiveNotOpened(f"{key} holds no key: name the file with a line AGE-SECRET-KEY-1…")
    try:
        return [pyrage.x25519.Identity.from_str(line) for line in lines]
    except pyrage.IdentityError as error:
        raise ArchiveNotOpened(f"the key in {key} is damaged ({error}): copy it again from where it is kept") from None


def _damaged(error: Exception) -> ArchiveNotOpened:
    return ArchiveNotOpened(f"it is damaged or cut off ({error}): copy it again, or restore an older backup")
