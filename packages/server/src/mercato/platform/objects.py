"""Blobs: the port. Its engines are in `mercato.adapters`: a folder of this machine, and S3.

A key is a path of lower-case names, such as `rounds/rnd_…/train.parquet`. An object is whole or absent: nobody ever
reads half of one that is being written, and a later `put` replaces it at once.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from mercato.platform.refusals import NotFound

CHUNK_BYTES = 256 * 1024
"""How much of an object is held in memory at a time when it is streamed, in bytes."""

MAX_KEY_CHARACTERS = 512
LONGEST_LINK = timedelta(days=7)
"""S3 signs for no longer."""

_KEY = re.compile(r"[a-z0-9][a-z0-9._=-]*(?:/[a-z0-9][a-z0-9._=-]*)*")


class ObjectNotFound(NotFound):
    """The store has no such object."""

    code = "object_not_found"
    title = "No such file"
    fix = "Ask for the list of files again; this one was removed or never there."


class RangeOutside(ValueError):
    """The requested bytes lie outside the object."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it is stored. `etag` changes whenever the content does; without quotation marks."""

    key: str
    size: int
    etag: str


class ObjectStore(Protocol):
    """The store. Every method raises `ValueError` for what is no key (see `check_key`)."""

    async def put(self, key: str, content: bytes | Path) -> StoredObject:
        """Store `content`, bytes or a file of this machine, under `key`; what was there is replaced."""
        ...

    async def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        """The bytes from `start` up to but excluding `stop` (`None`: the end), cut at the end of the object.

        Raises `ObjectNotFound`; `RangeOutside` where `start` is negative, lies behind the end or not before `stop`.
        """
        ...

    def stream(self, key: str, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """As `get`, in pieces of at most `CHUNK_BYTES`."""
        ...

    async def stat(self, key: str) -> StoredObject:
        """Size and etag. Raises `ObjectNotFound`."""
        ...

    async def delete(self, key: str) -> None:
        """Remove it; removing what does not exist is not an error."""
        ...

    def find_all(self, prefix: str) -> AsyncIterator[StoredObject]:
        """Every object whose key begins with the whole names of `prefix` and a slash; all of them for an empty one."""
        ...

    async def presign(self, key: str, expires_in: timedelta) -> str:
        """An absolute address that gives the object to whoever has it, ranges too, until it expires.

        `expires_in` lies between one second and `LONGEST_LINK`. Does not check that the object exists.
        """
        ...


def check_key(key: str) -> str:
    """`key`, or `ValueError`: names of `a-z 0-9 . _ = -` parted by single slashes, none beginning with a dot."""
    if len(key) > MAX_KEY_CHARACTERS or not _KEY.fullmatch(key):
        raise ValueError("not a key of an object")
    return key


def check_prefix(prefix: str) -> str:
    """`prefix` with a closing slash, or empty; `ValueError` for anything that no key begins with."""
    return f"{check_key(prefix.removesuffix('/'))}/" if prefix else ""


def check_range(start: int, stop: int | None, size: int) -> tuple[int, int]:
    """`start` and `stop` within an object of `size` bytes; raises `RangeOutside`."""
    end = size if stop is None else min(stop, size)
    if start == end == 0 and stop is None:
        return 0, 0  # the whole of an empty object
    if not 0 <= start < end:
        raise RangeOutside(f"bytes {start} to {stop} of {size}")
    return start, end


def check_expiry(expires_in: timedelta) -> timedelta:
    """`expires_in`, or `ValueError`."""
    if not timedelta(seconds=1) <= expires_in <= LONGEST_LINK:
        raise ValueError("a link lives between a second and seven days")
    return expires_in
