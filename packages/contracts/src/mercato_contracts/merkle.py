"""The Merkle tree of the desk's log, as RFC 6962, section 2.1, has it: hashes, proofs, and how anyone checks them.

A leaf is hashed with a zero byte before it, an inner node with a one byte, so neither can be mistaken for the other.
"""

import hashlib
from collections.abc import Callable, Sequence

EMPTY = hashlib.sha256(b"").digest()
"""The root of a log without entries."""

Subtree = Callable[[int, int], bytes]
"""The root of the entries from the first number up to and without the second."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256 of a zero byte and the entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of a one byte and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """Where a tree of `size` > 1 entries is split: the largest power of two below it."""
    return 1 << (size - 1).bit_length() - 1


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    if not leaves:
        return EMPTY
    if len(leaves) == 1:
        return leaves[0]
    at = split(len(leaves))
    return node_hash(root_of(leaves[:at]), root_of(leaves[at:]))


def inclusion_spans(place: int, size: int) -> list[tuple[int, int]]:
    """The subtrees (from, to) whose roots prove entry `place` in a log of `size`, from the leaf up. Section 2.1.1."""
    if not 0 <= place < size:
        raise ValueError(f"entry {place} is not among the first {size}")
    spans: list[tuple[int, int]] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + split(high - low)
        if place < middle:
            spans.append((middle, high))
            high = middle
        else:
            spans.append((low, middle))
            low = middle
    return spans[::-1]


def consistency_spans(first: int, second: int) -> list[tuple[int, int]]:
    """The subtrees whose roots prove that a log of `second` entries begins with its `first` ones. Section 2.1.2."""
    if not 0 < first <= second:
        raise ValueError(f"{first} is no earlier size of a log of {second}")
    spans: list[tuple[int, int]] = []
    low, high, is_whole = 0, second, True
    while first - low < high - low:
        middle = low + split(high - low)
        if first <= middle:
            spans.append((middle, high))
            high = middle
        else:
            spans.append((low, middle))
            low, is_whole = middle, False
    if not is_whole:
        spans.append((low, high))
    return spans[::-1]


def is_included(place: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` leads from the leaf hash at `place` to the root of a log of `size` entries."""
    if not 0 <= place < size:
        return False
    spans = inclusion_spans(place, size)
    if len(spans) != len(path):
        return False
    found = leaf
    for (low, _), sibling in zip(spans, path, strict=True):
        found = node_hash(sibling, found) if low < place else node_hash(found, sibling)
    return found == root


def is_consistent(first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` proves that a log of `second` entries begins with one of `first`. RFC 9162, section 2.1.4.2."""
    if first == second:
        return first_root == second_root and not path
    if not 0 < first < second:
        return False
    steps = list(path) if first & (first - 1) else [first_root, *path]
    if not steps:
        return False
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, step)
        node, last = node >> 1, last >> 1
    return old == first_root and new == second_root and last == 0


class Frontier:
    """A tree that grows entry by entry, kept as its whole subtrees: adding costs one hash on average, a root a few."""

    def __init__(self) -> None:
        self._subtrees: list[tuple[int, bytes]] = []
        self.size = 0

    def add(self, leaf: bytes) -> None:
        """One more entry, by its leaf hash."""
        self._add(0, leaf)

    def add_subtree(self, level: int, root: bytes) -> None:
        """`2 ** level` entries by their root. Raises `ValueError` where they would not begin a subtree."""
        if self.size % (1 << level):
            raise ValueError(f"a subtree of {1 << level} entries does not begin at {self.size}")
        self._add(level, root)

    def root(self) -> bytes:
        """Of all entries so far."""
        if not self._subtrees:
            return EMPTY
        found = self._subtrees[-1][1]
        for _, left in reversed(self._subtrees[:-1]):
            found = node_hash(left, found)
        return found

    def _add(self, level: int, node: bytes) -> None:
        self.size += 1 << level
        while self._subtrees and self._subtrees[-1][0] == level:
            node = node_hash(self._subtrees.pop()[1], node)
            level += 1
        self._subtrees.append((level, node))
