"""Vectors in the order in which they came: two files that only grow, one of rows and one of what each row is.

Rows are written before their records, so a record without its row is damage and a row without its record is what a
process that died had not finished.
"""

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.adapters.search_embedded.checksums import Damaged

RECORD = np.dtype([("key", "<u8"), ("sum", "<u4"), ("is_gone", "<u4")])
"""The listing's key, the CRC-32 of its row, and whether the row says that the key is forgotten."""

Records = NDArray[Any]
Rows = NDArray[np.float16]


class Tail:
    """The files in `folder` of the rows from `start` on. One process appends, others read what it appended."""

    def __init__(self, folder: Path, dimensions: int, start: int) -> None:
        self._rows = folder / f"tail-{start}.rows"
        self._records = folder / f"tail-{start}.records"
        self._row_bytes = 2 * dimensions
        self._dimensions = dimensions
        self.count = 0
        """How many rows were read or appended."""

    def read(self) -> tuple[Records, Rows]:
        """What was appended since the last call. Raises `Damaged`."""
        try:
            there = _size(self._records) // RECORD.itemsize
            more = max(0, there - self.count)
            if _size(self._rows) < there * self._row_bytes or there < self.count:
                raise Damaged(f"{self._rows} is shorter than it was.")
            records = _read(self._records, RECORD, self.count, more)
            rows = _read(self._rows, np.dtype("<f2"), self.count * self._dimensions, more * self._dimensions)
        except OSError as error:
            raise Damaged(f"{self._rows} cannot be read: {error.strerror}.") from error
        self.count = there
        return records, rows.reshape(more, self._dimensions)

    def cut_unfinished(self) -> None:
        """Remove what a writer that died did not finish. For the writer, after `read`."""
        for path, size in ((self._rows, self._row_bytes), (self._records, RECORD.itemsize)):
            if _size(path) != self.count * size:
                os.truncate(path, self.count * size)

    def append(self, records: Records, rows: Rows) -> None:
        """Write them so that they last. Raises `OSError` with nothing appended, and `Damaged`."""
        if _size(self._rows) < self.count * self._row_bytes or _size(self._records) < self.count * RECORD.itemsize:
            raise Damaged(f"{self._rows} is shorter than it was.")
        try:
            _append(self._rows, self.count * self._row_bytes, rows.tobytes())
            _append(self._records, self.count * RECORD.itemsize, records.tobytes())
        except OSError:
            with contextlib.suppress(OSError):
                self.cut_unfinished()
            raise
        self.count += len(records)

    def remove(self) -> None:
        """Delete the files."""
        self._rows.unlink(missing_ok=True)
        self._records.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _read(path: Path, kind: "np.dtype[Any]", skip: int, count: int) -> NDArray[Any]:
    if not count:
        return np.empty(0, kind)
    return np.fromfile(path, kind, count, offset=skip * kind.itemsize)


def _append(path: Path, at: int, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        written = 0
        while written < len(content):
            written += os.pwrite(descriptor, memoryview(content)[written:], at + written)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
