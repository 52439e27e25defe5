"""Vectors in an HNSW graph (usearch), found by cosine."""

import contextlib
import ctypes
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mercato.discovery import Vector

# usearch brings its own copy of libstdc++, and a C++ library loaded after it (onnxruntime) dies of mixing the two: a
# segmentation fault. With the system's copy loaded for all first, both use that one. Seen with usearch 2.26.6 and
# onnxruntime 1.31.1; tests/discovery holds us to it.
with contextlib.suppress(OSError):
    ctypes.CDLL("libstdc++.so.6", mode=ctypes.RTLD_GLOBAL)

from usearch.index import Index as Graph

_CHUNK = 256
"""Vectors put in under one lock: searches wait for no more than about 50 ms."""


class ManyOrOne:
    """A lock that many readers or one writer hold; a waiting writer goes before new readers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._writers = 0
        self._writing = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._writing and self._writers == 0)
            self._readers += 1
        try:
            yield
        finally:
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._changed:
            self._writers += 1
            self._changed.wait_for(lambda: not self._writing and self._readers == 0)
            self._writers -= 1
            self._writing = True
        try:
            yield
        finally:
            with self._changed:
                self._writing = False
                self._changed.notify_all()


def new_graph(dimensions: int) -> Any:
    """An empty graph. With one of 8 bits one answer in fifty had another order, so it holds half precision."""
    return Graph(ndim=dimensions, metric="ip", dtype="f16", connectivity=16, expansion_search=96)


_FLOAT_BITS = np.int32(-0x8000_0000 + 0x0FFF_E000)
"""The sign, and where the exponent and fraction of a half stand in a float."""


def to_floats(halves: NDArray[np.float16]) -> NDArray[np.float32]:
    """The same finite numbers as 32-bit floats, three times sooner than numpy's cast, which takes them one by one."""
    bits = halves.view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= _FLOAT_BITS
    floats = bits.view(np.float32)
    floats *= np.float32(2.0**112)  # the difference of the two exponents' biases
    return floats


def by_cosine(keys: NDArray[np.uint64], cosines: NDArray[np.float32]) -> dict[int, float]:
    """Keys with their cosines, the nearest first, then by key."""
    order = np.lexsort((keys, -cosines))
    return dict(zip(keys[order].tolist(), cosines[order].tolist(), strict=True))


class Vectors(Protocol):
    """Unit-length vectors by 64-bit key. All methods may be called from any thread."""

    def get(self, key: int) -> Vector | None:
        """The vector under this key."""
        ...

    def nearest(self, vector: Vector, count: int) -> dict[int, float]:
        """The nearest keys and their cosines, nearest first; approximate."""
        ...

    def compare(self, vector: Vector, keys: Sequence[int]) -> dict[int, float]:
        """The exact cosine of every one of these keys that is known, nearest first."""
        ...


class VectorIndex:
    """Unit-length vectors by 64-bit key, in memory. All methods may be called from any thread.

    The graph finds neighbours; cosines come from the rows beside it, because asking the graph for a vector costs ten
    times as much.
    """

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._lock = ManyOrOne()
        self._graph: Any = new_graph(dimensions)
        self._rows: NDArray[np.float16] = np.zeros((_CHUNK, dimensions), np.float16)
        self._row_of: dict[int, int] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._row_of)

    def put(self, vectors: Mapping[int, Vector]) -> None:
        """Add vectors or replace those under the same keys; one that did not change is left where it is.

        A busy service's figures change many times a day, and its meaning does not.
        """
        with self._lock.reading():
            keys = [key for key, vector in vectors.items() if not self._has(key, vector)]
        for start in range(0, len(keys), _CHUNK):
            part = keys[start : start + _CHUNK]
            rows = np.stack([vectors[key] for key in part])
            with self._lock.writing():
                self._remove(part)
                self._graph.add(np.array(part, np.uint64), rows, threads=1)
                places = self._places(part)
                self._rows[places] = rows

    def remove(self, keys: Sequence[int]) -> None:
        """Forget these keys; unknown ones are no error."""
        if keys:
            with self._lock.writing():
                self._remove(keys)

    def _has(self, key: int, vector: Vector) -> bool:
        place = self._row_of.get(key)
        return place is not None and np.array_equal(self._rows[place], vector.astype(np.float16))

    def _remove(self, keys: Sequence[int]) -> None:
        known = [key for key in keys if key in self._row_of]
        if known:
            self._graph.remove(np.array(known, np.uint64), threads=1)
            self._free += [self._row_of.pop(key) for key in known]

    def _places(self, keys: Sequence[int]) -> list[int]:
        """A free row for each of these new keys."""
        for key in keys:
            self._row_of[key] = self._free.pop() if self._free else len(self._row_of)
        highest = max(self._row_of[key] for key in keys)
        if highest >= len(self._rows):
            more = np.zeros((max(highest + 1, 2 * len(self._rows)) - len(self._rows), self._dimensions), np.float16)
            self._rows = np.concatenate([self._rows, more])
        return [self._row_of[key] for key in keys]

    def get(self, key: int) -> Vector | None:
        """The vector under this key."""
        with self._lock.reading():
            place = self._row_of.get(key)
            return None if place is None else self._rows[place].astype(np.float32)

    def nearest(self, vector: Vector, count: int) -> dict[int, float]:
        """The nearest keys and their cosines, nearest first; approximate (recall 0.99 of the first ten)."""
        with self._lock.reading():
            if not self._row_of:
                return {}
            found = self._graph.search(vector, min(count, len(self._row_of)), threads=1)
            return self._compare(vector, found.keys.tolist())

    def compare(self, vector: Vector, keys: Sequence[int]) -> dict[int, float]:
        """The exact cosine of every one of these keys that is known, nearest first."""
        with self._lock.reading():
            return self._compare(vector, keys)

    def _compare(self, vector: Vector, keys: Sequence[int]) -> dict[int, float]:
        known = [key for key in keys if key in self._row_of]
        if not known:
            return {}
        rows = to_floats(self._rows[[self._row_of[key] for key in known]])
        return by_cosine(np.array(known, np.uint64), rows @ vector)
