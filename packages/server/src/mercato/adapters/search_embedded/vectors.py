"""Vectors in an HNSW graph (usearch), half precision, found by cosine."""

import contextlib
import ctypes
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mercato.discovery import Vector

# usearch brings its own copy of libstdc++, and a C++ library loaded after it (onnxruntime) dies of mixing the two: a
# segmentation fault. With the system's copy loaded for all first, both use that one. Seen with usearch 2.26.6 and
# onnxruntime 1.31.1; tests/discovery holds us to it.
with contextlib.suppress(OSError):
    ctypes.CDLL("libstdc++.so.6", mode=ctypes.RTLD_GLOBAL)

from usearch.index import Index as Graph

Keys = NDArray[np.uint64]

_CHUNK = 256
"""Vectors put in under one lock: searches wait for no more than about 50 ms."""


class _ManyOrOne:
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


class VectorIndex:
    """Unit-length vectors by 64-bit key. All methods may be called from any thread."""

    def __init__(self, dimensions: int, path: Path | None = None) -> None:
        self._dimensions = dimensions
        self._lock = _ManyOrOne()
        self._graph: Any = Graph(ndim=dimensions, metric="ip", dtype="f16", connectivity=16, expansion_search=96)
        if path is not None and path.exists():
            self._graph.load(str(path))

    def __len__(self) -> int:
        return len(self._graph)

    def put(self, vectors: Mapping[int, Vector]) -> None:
        """Add vectors or replace those under the same keys."""
        keys = list(vectors)
        for start in range(0, len(keys), _CHUNK):
            part = np.array(keys[start : start + _CHUNK], np.uint64)
            rows = np.stack([vectors[int(key)] for key in part])
            with self._lock.writing():
                self._remove(part)
                self._graph.add(part, rows, threads=1)

    def remove(self, keys: Sequence[int]) -> None:
        """Forget these keys; unknown ones are no error."""
        if keys:
            with self._lock.writing():
                self._remove(np.array(keys, np.uint64))

    def _remove(self, keys: Keys) -> None:
        known = keys[self._graph.contains(keys)]
        if len(known):
            self._graph.remove(known, threads=1)

    def get(self, key: int) -> Vector | None:
        """The vector under this key."""
        with self._lock.reading():
            if not self._graph.contains(key):
                return None
            return np.asarray(self._graph.get(key, dtype="f32"), np.float32).reshape(self._dimensions)

    def nearest(self, vector: Vector, count: int) -> dict[int, float]:
        """The nearest keys and their cosines, nearest first; approximate (recall 0.99 and more)."""
        with self._lock.reading():
            if len(self._graph) == 0:
                return {}
            found = self._graph.search(vector, min(count, len(self._graph)), threads=1)
        return {int(key): 1.0 - float(distance) for key, distance in zip(found.keys, found.distances, strict=True)}

    def compare(self, vector: Vector, keys: Sequence[int]) -> dict[int, float]:
        """The exact cosine of every one of these keys that is known, nearest first."""
        asked = np.array(keys, np.uint64)
        with self._lock.reading():
            known = asked[self._graph.contains(asked)] if len(asked) else asked
            rows = self._graph.get(known, dtype="f32") if len(known) else np.empty((0, self._dimensions), np.float32)
        cosines = np.asarray(rows, np.float32) @ vector
        order = np.lexsort((known, -cosines))
        return {int(known[place]): float(cosines[place]) for place in order}

    def save(self, path: Path) -> None:
        """Write all vectors to a file that the constructor reads."""
        with self._lock.reading():
            self._graph.save(str(path))
