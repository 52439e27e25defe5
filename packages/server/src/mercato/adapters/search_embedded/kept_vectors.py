"""Vectors on disk: most of them mapped, the latest in memory and in files that only grow (`tail.py`).

Each vector has a place, in the order in which they came, and a place is never used twice: a replaced vector leaves a
place that no longer counts. Graphs know places, not listings, so a mapped one need not change. When the latest are
many, one mapped part is made of all.
"""

import json
import os
import zlib
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.adapters.lasting_files import write_last
from mercato.adapters.search_embedded.checksums import Damaged, checksum_of
from mercato.adapters.search_embedded.places import PlaceNumbers, Places
from mercato.adapters.search_embedded.tail import RECORD, Records, Rows, Tail
from mercato.adapters.search_embedded.vectors import ManyOrOne, by_cosine, new_graph, to_floats
from mercato.discovery import Vector

_CHUNK = 256
LEAST_MAPPED = 5_000
"""Fewer vectors are read into memory at the start; that takes a moment."""
_LEAST_SAVED = 2_000
_SHARE = 4
"""The latest are folded when they are a quarter of all, and their graph is saved when it grew by a quarter."""
_ABOUT = "vectors.json"


class KeptVectors:
    """The vectors of a folder, by 64-bit key. The one process that `writes` may change them; others `refresh`.

    Raises `Damaged` where files do not fit each other.
    """

    def __init__(self, folder: Path, dimensions: int, *, writes: bool, least_mapped: int = LEAST_MAPPED) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._dimensions = dimensions
        self._writes = writes
        self._least_mapped = least_mapped
        self._lock = ManyOrOne()
        about = read_about(folder)
        self._start = int(about.get("base", 0))
        self._places = Places()
        self._base: Rows = np.empty((0, dimensions), np.float16)
        self._base_graph: Any = new_graph(dimensions)
        if self._start:
            self._map()
        self._tail = Tail(folder, dimensions, self._start)
        self._latest: Rows = np.empty((_CHUNK, dimensions), np.float16)
        self._graph: Any = new_graph(dimensions)
        self._saved = 0
        self._open_latest(about)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def count(self) -> int:
        """How many vectors were ever written."""
        return self._places.count

    @property
    def is_worn(self) -> bool:
        """Whether most places count no longer: a new index would be half as large."""
        return self._places.count > 2 * len(self._places) + self._least_mapped

    def mapped(self) -> list[Path]:
        """The files that are mapped."""
        return [self._path("rows"), self._path("graph")] if self._start else []

    def put(self, vectors: Mapping[int, Vector]) -> None:
        """Add vectors or replace those under the same keys; one that did not change is left where it is."""
        keys = [key for key, vector in vectors.items() if not self._has(key, vector)]
        if not keys:
            return
        rows = np.stack([vectors[key] for key in keys]).astype(np.float16)
        records = _records(keys, rows)
        self._tail.append(records, rows)
        for at in range(0, len(keys), _CHUNK):
            with self._lock.writing():
                self._take(records[at : at + _CHUNK], rows[at : at + _CHUNK])
        if len(self._graph) - self._saved >= max(_LEAST_SAVED, self._saved // _SHARE):
            self._save_latest()

    def remove(self, keys: Sequence[int]) -> None:
        """Forget these keys; unknown ones are no error."""
        known = [key for key, place in zip(keys, self._places.find(keys), strict=True) if place >= 0]
        if known:
            rows = np.zeros((len(known), self._dimensions), np.float16)
            records = _records(known, rows, is_gone=True)
            self._tail.append(records, rows)
            with self._lock.writing():
                self._take(records, rows)

    def get(self, key: int) -> Vector | None:
        """The vector under this key."""
        with self._lock.reading():
            place = self._places.find([key])
            return self._rows_at(place)[0] if place[0] >= 0 else None

    def nearest(self, vector: Vector, count: int) -> dict[int, float]:
        """The nearest keys and their cosines, nearest first; approximate."""
        with self._lock.reading():
            near = [self._nearest_in(graph, vector, count) for graph in (self._base_graph, self._graph)]
            return dict(islice(self._cosines(vector, np.concatenate(near)).items(), count))

    def compare(self, vector: Vector, keys: Sequence[int]) -> dict[int, float]:
        """The exact cosine of every one of these keys that is known, nearest first."""
        with self._lock.reading():
            places = self._places.find(keys)
            return self._cosines(vector, places[places >= 0])

    def refresh(self) -> bool:
        """Take what the writer appended; false where all must be opened anew. Raises `Damaged`."""
        if int(read_about(self._folder).get("base", 0)) != self._start:
            return False
        records, rows = self._read_tail()
        for at in range(0, len(records), _CHUNK):
            with self._lock.writing():
                self._take(records[at : at + _CHUNK], rows[at : at + _CHUNK])
        return True

    def save(self) -> None:
        """Write what would have to be made anew by whoever opens the folder next."""
        if self._tail.count >= max(self._least_mapped, self._start // _SHARE):
            self._fold()
        elif len(self._graph) > self._saved:
            self._save_latest()

    def _has(self, key: int, vector: Vector) -> bool:
        known = self.get(key)
        return known is not None and np.array_equal(known.astype(np.float16), vector.astype(np.float16))

    def _nearest_in(self, graph: Any, vector: Vector, count: int) -> PlaceNumbers:
        """Of one graph; more is asked of it for as long as places that count no longer take the room."""
        asked = min(count, len(graph))
        while asked:
            living = self._places.living(graph.search(vector, asked, threads=1).keys.astype(np.int64))
            if len(living) >= min(count, asked) or asked == len(graph):
                return living
            asked = min(4 * asked, len(graph))
        return np.empty(0, np.int64)

    def _cosines(self, vector: Vector, places: PlaceNumbers) -> dict[int, float]:
        return by_cosine(self._places.keys_at(places), self._rows_at(places) @ vector)

    def _rows_at(self, places: PlaceNumbers) -> NDArray[np.float32]:
        found = np.empty((len(places), self._dimensions), np.float16)
        early = places < self._start
        found[early] = self._base[places[early]]
        found[~early] = self._latest[places[~early] - self._start]
        return to_floats(found)

    def _take(self, records: Records, rows: Rows) -> None:
        """Make these rows, which follow the last one, count. Under the lock."""
        first = self._places.count - self._start
        if first + len(rows) > len(self._latest):
            room = np.empty((max(first + len(rows), 2 * len(self._latest)), self._dimensions), np.float16)
            room[:first] = self._latest[:first]
            self._latest = room
        self._latest[first : first + len(rows)] = rows
        at = self._places.take(records)
        if len(at):
            self._graph.add(at.astype(np.uint64), rows[at - self._start - first], threads=1)

    def _map(self) -> None:
        """Map the part of before the tail."""
        self._base = np.memmap(self._path("rows"), np.float16, "r", shape=(self._start, self._dimensions))
        self._base_graph.view(str(self._path("graph")))
        if not self._places.count:
            self._places.take(np.fromfile(self._path("records"), RECORD))
        if self._places.count != self._start:
            raise Damaged(f"{self._path('records')} is not as long as it was.")

    def _open_latest(self, about: dict[str, Any]) -> None:
        records, rows = self._read_tail()
        if self._writes:
            self._tail.cut_unfinished()
            self._remove_unnamed(about)
        self._latest = rows if len(rows) else self._latest
        at = self._places.take(records)
        covered = int(about.get("latest", 0))
        if covered > self._places.count:
            raise Damaged(f"Vectors in {self._folder} are missing.")
        if covered:
            self._graph.load(str(self._folder / f"latest-{self._start}-{covered}.graph"))
            self._saved = len(self._graph)
        left = at[at >= covered]
        for start in range(0, len(left), _CHUNK):
            part = left[start : start + _CHUNK]
            self._graph.add(part.astype(np.uint64), self._latest[part - self._start], threads=1)

    def _read_tail(self) -> tuple[Records, Rows]:
        records, rows = self._tail.read()
        sums = _records(records["key"].tolist(), rows)["sum"] if len(rows) else records["sum"]
        if not np.array_equal(sums, records["sum"]):
            raise Damaged(f"Vectors in {self._folder} are not as they were written.")
        return records, rows

    def _save_latest(self) -> None:
        upto = self._places.count
        path = self._folder / f"latest-{self._start}-{upto}.graph"
        _save_graph(self._graph, path)
        about = read_about(self._folder)
        kept = {name: each for name, each in about.get("sums", {}).items() if name.startswith("base-")}
        sums = kept | {path.name: checksum_of(path)}
        self._write_about({"base": self._start, "latest": upto, "sums": sums})
        self._saved = len(self._graph)

    def _fold(self) -> None:
        """One mapped part of all vectors. Searches go on; the caller lets nobody else change them."""
        upto, rows = self._places.count, self._latest[: self._places.count - self._start]
        graph = self._graph
        if self._start:
            graph = new_graph(self._dimensions)
            graph.load(str(self._path("graph")))
            for at in range(0, len(rows), _CHUNK):
                living = self._places.living_between(self._start + at, self._start + min(at + _CHUNK, len(rows)))
                if len(living):
                    graph.add(living.astype(np.uint64), rows[living - self._start], threads=1)
        paths = {name: self._folder / f"base-{upto}.{name}" for name in ("rows", "records", "graph")}
        write_last(paths["rows"], (*_chunks(self._base), *_chunks(rows)))
        write_last(paths["records"], [self._places.records().tobytes()])
        _save_graph(graph, paths["graph"])
        self._write_about({"base": upto, "sums": {path.name: checksum_of(path) for path in paths.values()}})
        mapped = new_graph(self._dimensions)
        mapped.view(str(paths["graph"]))
        with self._lock.writing():
            self._start = upto
            self._base = np.memmap(paths["rows"], np.float16, "r", shape=(upto, self._dimensions))
            self._base_graph, self._graph = mapped, new_graph(self._dimensions)
            self._latest = np.empty((_CHUNK, self._dimensions), np.float16)
            self._tail, self._saved = Tail(self._folder, self._dimensions, upto), 0
        self._remove_unnamed(read_about(self._folder))

    def _write_about(self, about: dict[str, Any]) -> None:
        write_last(self._folder / _ABOUT, [json.dumps(about).encode()])
        self._remove_unnamed(about)

    def _remove_unnamed(self, about: dict[str, Any]) -> None:
        start = about.get("base", 0)
        named = {_ABOUT, f"tail-{start}.rows", f"tail-{start}.records", *about.get("sums", {})}
        # What is folded goes on being read until the new part has its place.
        named |= {f"{kind}-{self._start}.{what}" for kind in ("base", "tail") for what in ("rows", "records", "graph")}
        for path in self._folder.iterdir():
            if path.name not in named:
                path.unlink(missing_ok=True)

    def _path(self, what: str) -> Path:
        return self._folder / f"base-{self._start}.{what}"


def read_about(folder: Path) -> dict[str, Any]:
    """What the folder holds, by its own word. Raises `Damaged`."""
    path = folder / _ABOUT
    try:
        found = json.loads(path.read_bytes()) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise Damaged(f"{path} cannot be read.") from error
    return found if isinstance(found, dict) else {}


def sums_of(folder: Path) -> list[tuple[Path, int]]:
    """The files that are read whole or mapped, and their checksums. Raises `Damaged`."""
    return [(folder / name, int(each)) for name, each in read_about(folder).get("sums", {}).items()]


def _records(keys: Sequence[int], rows: Rows, *, is_gone: bool = False) -> Records:
    records = np.zeros(len(keys), RECORD)
    records["key"] = keys
    records["sum"] = [zlib.crc32(row.tobytes()) for row in rows]
    records["is_gone"] = is_gone
    return records


def _chunks(rows: Rows) -> list[memoryview]:
    return [rows[at : at + 65_536].data for at in range(0, len(rows), 65_536)]


def _save_graph(graph: Any, path: Path) -> None:
    """So that a name stands for a whole file. Raises `OSError`."""
    unfinished = path.with_suffix(".unfinished")
    try:
        graph.save(str(unfinished))
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.rename(path)
    except RuntimeError as error:
        unfinished.unlink(missing_ok=True)
        raise OSError(f"{path} could not be written: {error}") from error
