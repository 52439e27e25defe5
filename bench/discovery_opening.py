"""The index on disk: how long it takes to fill it, and to open it as the next process does."""

import time
from collections.abc import Sequence
from pathlib import Path

from bench.discovery_rows import Row
from mercato.adapters.search_embedded import KeptSearchIndex
from mercato.discovery import IndexQuery, ListingDocument
from mercato.platform import Place

MARK = "bench"
"""Of which listings the index is, as its own mark."""

_AT_ONCE = 2_000
_ROUNDS = 3
_BARS = {1_000_000: 5.0}


async def fill(folder: Path, listings: Sequence[ListingDocument]) -> Row:
    """Make the index in `folder`: the seconds it took."""
    index = KeptSearchIndex(folder, dimensions=384)
    await index.look(MARK)
    began = time.perf_counter()
    await index.begin(Place(0, 0))
    for start in range(0, len(listings), _AT_ONCE):
        part = listings[start : start + _AT_ONCE]
        await index.fill(part, part[-1].service_id)
    await index.finish()
    built = time.perf_counter() - began
    await index.close()
    return Row(f"index_build_s.{len(listings)}", built, "s")


async def measure_opening(folder: Path, count: int) -> list[Row]:
    """Seconds to open what `fill` made (the best of three and their spread) and megabytes on disk. Files are in the
    page cache, as they are when a process is restarted.
    """
    times = [await _open(folder) for _ in range(_ROUNDS)]
    return [
        Row(f"index_open_s.{count}", min(times), "s", bar=_BARS.get(count), spread=(min(times), max(times))),
        Row(f"index_disk_mb.{count}", _size(folder) / 2**20, "MB"),
    ]


async def _open(folder: Path) -> float:
    index = KeptSearchIndex(folder, dimensions=384)
    began = time.perf_counter()
    assert await index.look(MARK)
    assert (await index.search(IndexQuery("text", limit=1))).hits
    took = time.perf_counter() - began
    await index.close()
    return took


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
