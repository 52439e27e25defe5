"""The vector index beside a plain computation over all vectors."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from mercato.adapters.search_embedded.kept_vectors import KeptVectors
from mercato.adapters.search_embedded.vectors import VectorIndex

SIZE = 24


def _vectors(count: int, seed: int) -> dict[int, "np.ndarray[tuple[int], np.dtype[np.float32]]"]:
    rows = np.random.default_rng(seed).normal(size=(count, SIZE)).astype(np.float32)
    return {3 * number + 1: row / np.linalg.norm(row) for number, row in enumerate(rows)}


def _on_disk(folder: Path) -> KeptVectors:
    return KeptVectors(folder, SIZE, writes=True, least_mapped=300)


@pytest.mark.parametrize("is_kept", [False, True])
def test_after_many_changes_it_finds_what_a_plain_computation_finds(tmp_path: Path, is_kept: bool) -> None:
    index: VectorIndex | KeptVectors = _on_disk(tmp_path) if is_kept else VectorIndex(SIZE)
    held = _vectors(900, 1)
    index.put(held)
    choose = random.Random(4)
    for seed in range(2, 6):
        gone = choose.sample(list(held), 150)
        index.remove(gone)
        for key in gone:
            del held[key]
        changed = dict(choose.sample(list(_vectors(1_000, seed).items()), 200))
        index.put(changed)
        held |= changed
        if isinstance(index, KeptVectors) and seed % 2:
            index.save()
    for again in (False, True) if is_kept else (False,):
        if again:
            index = _on_disk(tmp_path)
        assert len(index) == len(held)
        for query in list(_vectors(20, 9).values()):
            exact = {key: float(row.astype(np.float16).astype(np.float32) @ query) for key, row in held.items()}
            best = sorted(exact, key=lambda key: -exact[key])[:10]
            assert list(index.nearest(query, 100))[:10] == best
            assert index.compare(query, [*best, 2]) == pytest.approx({key: exact[key] for key in best}, abs=1e-6)
    index.remove(list(held))
    assert index.nearest(query, 5) == {}


def test_what_did_not_change_is_not_written_again() -> None:
    index, held = VectorIndex(SIZE), _vectors(300, 1)
    index.put(held)
    one, other = list(held)[:2]
    with ThreadPoolExecutor(1) as writer:
        with index._lock.reading():
            # A writer would wait here for the reader to end.
            writer.submit(index.put, held).result(timeout=60)
        writer.submit(index.put, {one: held[other], other: held[other]}).result(timeout=60)
    assert len(index) == 300
    assert index.compare(held[other], [one, other]) == pytest.approx({one: 1.0, other: 1.0}, abs=1e-2)
