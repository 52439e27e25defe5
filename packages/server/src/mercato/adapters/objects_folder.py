"""Objects as files of one folder, and links to them that this marketplace signs and serves itself.

A file is written beside its place, forced to the disk and renamed, so that a reader sees the old or the new one and a
crash leaves at most a draft, which no key can name (`.draft-…`).
"""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlencode

from mercato.adapters.lasting_files import sync_folder
from mercato.adapters.signed_links import SignedLinks
from mercato.platform import (
    CHUNK_BYTES,
    ObjectNotFound,
    StoredObject,
    check_expiry,
    check_key,
    check_prefix,
    check_range,
)

LINK_PATH = "/api/objects/"


class LocalFolder:
    """An `ObjectStore` in `folder`. `base_url` is where clients reach the control API, without a closing slash."""

    def __init__(self, folder: Path, links: SignedLinks, base_url: str) -> None:
        self._folder = folder
        self._base_url = base_url
        self.links = links

    async def put(self, key: str, content: bytes | Path) -> StoredObject:
        check_key(key)
        return await asyncio.to_thread(self._put, key, content)

    async def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        return b"".join([piece async for piece in self.stream(key, start, stop)])

    async def stream(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        check_key(key)
        descriptor = await asyncio.to_thread(self._open, key)
        try:
            begin, end = check_range(start, stop, os.fstat(descriptor).st_size)
            while begin < end:
                piece = await asyncio.to_thread(os.pread, descriptor, min(CHUNK_BYTES, end - begin), begin)
                if not piece:
                    raise OSError(f"{key} became shorter while it was read")
                begin += len(piece)
                yield piece
        finally:
            os.close(descriptor)

    async def stat(self, key: str) -> StoredObject:
        check_key(key)
        return await asyncio.to_thread(self._stat, key)

    async def delete(self, key: str) -> None:
        check_key(key)
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    async def find_all(self, prefix: str) -> AsyncIterator[StoredObject]:
        for key in await asyncio.to_thread(self._keys, check_prefix(prefix)):
            try:
                yield await self.stat(key)
            except ObjectNotFound:
                continue  # deleted since the folder was read

    async def presign(self, key: str, expires_in: timedelta) -> str:
        check_key(key)
        query = urlencode(self.links.sign(key, check_expiry(expires_in)))
        return f"{self._base_url}{LINK_PATH}{key}?{query}"

    def _path(self, key: str) -> Path:
        return self._folder / key

    def _put(self, key: str, content: bytes | Path) -> StoredObject:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".draft-{token_hex(8)}")
        try:
            with draft.open("xb") as file:
                _copy(content, file.fileno())
                os.fsync(file.fileno())
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
        return self._stat(key)

    def _open(self, key: str) -> int:
        try:
            # No symbolic link is followed: whoever can write one into the folder must not read beyond it.
            return os.open(self._path(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise ObjectNotFound("There is no such file in the store.") from None

    def _stat(self, key: str) -> StoredObject:
        descriptor = self._open(key)
        try:
            found = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        # Every put makes a new file, so node and time of change name the content.
        return StoredObject(key, found.st_size, f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}")

    def _keys(self, prefix: str) -> list[str]:
        root = self._folder / prefix
        if not root.is_dir():
            return []
        files = (path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
        return sorted(path.relative_to(self._folder).as_posix() for path in files)


def _copy(content: bytes | Path, into: int) -> None:
    if isinstance(content, bytes):
        with open(into, "wb", closefd=False) as file:
            file.write(content)
        return
    with content.open("rb") as source, open(into, "wb", closefd=False) as file:
        while piece := source.read(CHUNK_BYTES):
            file.write(piece)
