"""Whether files of the index are as they were written: read whole, because a damaged one must not be mapped."""

import json
import os
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_CHUNK = 4 << 20
_THREADS = 4
_MAGIC = 1_337
"""How tantivy's files end: their checksum as JSON, its length, this number; the latter two in four bytes each."""
_END = 8


class Damaged(Exception):
    """A file of the index is missing or not as it was written."""


def checksum_of(path: Path, length: int | None = None) -> int:
    """CRC-32 of the file's first `length` bytes, or of all."""
    left = path.stat().st_size if length is None else length
    found = 0
    with path.open("rb", buffering=0) as file:
        os.posix_fadvise(file.fileno(), 0, left, os.POSIX_FADV_SEQUENTIAL)
        while left > 0:
            chunk = file.read(min(_CHUNK, left))
            if not chunk:
                break
            found, left = zlib.crc32(chunk, found), left - len(chunk)
    return found


def check_all(sums: Iterable[tuple[Path, int]], texts: Iterable[Path]) -> None:
    """Check files against these checksums, and tantivy's against their own. Raises `Damaged`."""
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="checksum") as pool:
        for _ in pool.map(_check_sum, list(sums)):
            pass
        for _ in pool.map(_check_text, list(texts)):
            pass


def _check_sum(pair: tuple[Path, int]) -> None:
    path, expected = pair
    try:
        if checksum_of(path) != expected:
            raise Damaged(f"{path} is not as it was written.")
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {error.strerror}.") from error


def _check_text(path: Path) -> None:
    """Source: tantivy, `src/directory/footer.rs`."""
    try:
        length, expected = _read_footer(path)
        if checksum_of(path, length) != expected:
            raise Damaged(f"{path} is not as it was written.")
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{path} does not end as it was written.") from error


def _read_footer(path: Path) -> tuple[int, int]:
    """The length of what the checksum covers, and the checksum."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _END))
        end = file.read(_END)
        length = int.from_bytes(end[:4], "little")
        if len(end) < _END or int.from_bytes(end[4:], "little") != _MAGIC or length + _END > size:
            raise ValueError("no footer")
        start = size - _END - length
        file.seek(start)
        return start, int(json.loads(file.read(length))["crc"])
