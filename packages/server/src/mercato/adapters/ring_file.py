"""The file of the marketplace's keys: read by every process, changed by one command at a time, there whole or not."""

import asyncio
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from mercato.adapters.keys_unusable import KeysUnusable
from mercato.adapters.lasting_files import sync_folder
from mercato.platform import (
    KeyRing,
    KeyWrapper,
    KmsFailed,
    MarketplaceSecret,
    RingDamaged,
    is_wrapped,
    unwrap_ring,
    wrap_ring,
    wrapped_by,
)

log = structlog.get_logger(__name__)

LOOK_AGAIN_SECONDS = 5.0
_FOR_EVERYBODY = 0o006
_MOST_BYTES = 1024 * 1024
_LOCK = "lock"
_Stamp = tuple[int, int, int]


class RingFile:
    """`signing.key` of a state folder, wrapped by a KMS where there is one. Each method may raise `KeysUnusable`."""

    def __init__(self, path: Path, wrapper: KeyWrapper | None = None) -> None:
        self.path = path
        self._wrapper = wrapper

    def read(self) -> KeyRing:
        """The keys that are in the file now."""
        return self._ring_of(self._unwrap(self._content()))

    def wrap(self, before: KeyWrapper | None) -> None:
        """Wrap the ring anew. `before` is the KMS that wraps it now; a ring that is not wrapped needs none."""
        with self._changing():
            content = self._content()
            if is_wrapped(content):
                content = RingFile(self.path, before)._unwrap(content)
            self._write(self._ring_of(content).write())

    def _content(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                mode, content = os.fstat(file.fileno()).st_mode, file.read(_MOST_BYTES)
        except OSError as error:
            raise KeysUnusable(f"{self.path} cannot be read: {error.strerror}") from None
        if mode & _FOR_EVERYBODY and self._is_reachable():
            raise KeysUnusable(
                f"{self.path} is open to everybody on this machine: run `chmod 600 {self.path}`, and "
                "`mercato secrets rotate` if somebody else may have read it"
            )
        return content

    def _is_reachable(self) -> bool:
        """Whether everybody may pass each folder on the way to the file."""
        return all(folder.stat().st_mode & stat.S_IXOTH for folder in self.path.resolve().parents)

    def _unwrap(self, content: bytes) -> bytes:
        if self._wrapper is None:
            if is_wrapped(content):
                raise KeysUnusable(
                    f"{self.path} is wrapped by {wrapped_by(content)}: set MERCATO_KMS to it, or `wrap --from` it"
                )
            return content
        if not is_wrapped(content):
            raise KeysUnusable(f"{self.path} is not wrapped, and MERCATO_KMS is set: run `mercato secrets wrap`")
        try:
            return unwrap_ring(content, self._wrapper)
        except KmsFailed as failure:
            raise self._failed(failure) from None

    def _failed(self, failure: KmsFailed) -> KeysUnusable:
        assert self._wrapper is not None
        return KeysUnusable(
            f"MERCATO_KMS {self._wrapper.reference} does not do its work for {self.path}: {failure}. A process needs "
            "it to start and to read new keys; those that run go on with the keys that they have"
        )

    def _ring_of(self, content: bytes) -> KeyRing:
        try:
            return KeyRing.read(content)
        except RingDamaged as damage:
            raise KeysUnusable(
                f"{self.path} does not hold the marketplace's keys ({damage}): bring back the file of a backup or of "
                "another process; without it, nothing opens that was sealed with them"
            ) from None

    def change(self, how: Callable[[KeyRing], KeyRing]) -> KeyRing:
        """Put `how(ring)` into the place of the ring. Commands wait for each other: none loses a key."""
        with self._changing():
            ring = how(self.read())
            self._write(ring.write())
        return ring

    async def follow(self, secret: MarketplaceSecret, every_seconds: float = LOOK_AGAIN_SECONDS) -> None:
        """Hand each new ring of the file to the process, until cancelled. An unreadable file changes nothing."""
        seen: _Stamp | None = None
        while True:
            try:
                stamp = self._stamp()
                if stamp != seen:
                    ring = await asyncio.to_thread(self.read)
                    if ring != secret.ring:
                        secret.replace(ring)
                        log.info("the marketplace's keys were read again", keys=[key.id for key in ring.keys])
                    seen = stamp
            except (OSError, KeysUnusable) as error:
                log.error("the marketplace's keys cannot be read again; those from before count", error=str(error))
            await asyncio.sleep(every_seconds)

    def _stamp(self) -> _Stamp:
        found = self.path.stat()
        return found.st_ino, found.st_size, found.st_mtime_ns

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One command at a time."""
        try:
            descriptor = os.open(self.path.parent / _LOCK, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                yield
            finally:
                os.close(descriptor)
        except OSError as error:
            raise KeysUnusable(
                f"{self.path} cannot be changed here ({error.strerror}): change a copy of its folder with `--offline`, "
                "and bring the file to every process"
            ) from None

    def _write(self, content: bytes) -> None:
        if self._wrapper is not None:
            try:
                content = wrap_ring(content, self._wrapper)
            except KmsFailed as failure:
                raise self._failed(failure) from None
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(self.path)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(self.path.parent)
