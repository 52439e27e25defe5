"""The log's tree: proofs that hold, and proofs that must not."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato_contracts import merkle

# The entries and roots of the test of the reference implementation of RFC 6962 (google/certificate-transparency).
ENTRIES = [bytes.fromhex(h) for h in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657",
                                      "606162636465666768696a6b6c6d6e6f")]  # fmt: skip
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


def _log(size: int, salt: bytes = b"") -> list[bytes]:
    return [merkle.leaf_hash(salt + number.to_bytes(4, "big")) for number in range(size)]


def _proof(leaves: list[bytes], spans: list[tuple[int, int]]) -> list[bytes]:
    return [merkle.root_of(leaves[low:high]) for low, high in spans]


class TestRoots:
    @pytest.mark.parametrize(("size", "root"), ROOTS.items())
    def test_the_reference_implementations_roots_are_found(self, size: int, root: str) -> None:
        assert merkle.root_of(LEAVES[:size]).hex() == root

    def test_an_empty_log_has_the_digest_of_nothing(self) -> None:
        assert merkle.root_of([]) == hashlib.sha256(b"").digest()

    def test_the_reference_implementations_proofs_are_found(self) -> None:
        path = _proof(LEAVES, merkle.inclusion_spans(5, 8))
        assert [step.hex()[:12] for step in path] == ["bc1a0643b12e", "ca854ea128ed", "d37ee418976d"]
        path = _proof(LEAVES, merkle.consistency_spans(6, 8))
        assert [step.hex()[:12] for step in path] == ["0ebc5d3437fb", "ca854ea128ed", "d37ee418976d"]


class TestInclusion:
    @given(st.integers(1, 70), st.data())
    def test_every_entry_is_proved_and_only_it(self, size: int, data: st.DataObject) -> None:
        leaves, place = _log(size), data.draw(st.integers(0, size - 1))
        root = merkle.root_of(leaves)
        path = _proof(leaves, merkle.inclusion_spans(place, size))
        assert merkle.is_included(place, size, leaves[place], path, root)
        assert not merkle.is_included(place, size, merkle.leaf_hash(b"another"), path, root)
        assert not merkle.is_included(place, size, leaves[place], [*path, b"\0" * 32], root)
        for wrong in {(place + 1) % size, size} - {place}:
            assert not merkle.is_included(wrong, size, leaves[place], path, root)


class TestConsistency:
    @given(st.integers(1, 70), st.data())
    def test_what_was_only_added_to_is_consistent_and_what_was_rewritten_is_not(
        self, second: int, data: st.DataObject
    ) -> None:
        first = data.draw(st.integers(1, second))
        leaves = _log(second)
        path = _proof(leaves, merkle.consistency_spans(first, second))
        old, new = merkle.root_of(leaves[:first]), merkle.root_of(leaves)
        assert merkle.is_consistent(first, old, second, new, path)
        rewritten = _log(second, salt=b"x")
        forged = _proof(rewritten, merkle.consistency_spans(first, second))
        assert not merkle.is_consistent(first, old, second, merkle.root_of(rewritten), forged)
