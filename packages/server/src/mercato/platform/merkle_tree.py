"""A tree over a chain's entries (RFC 6962). The roots of complete subtrees are stored, which makes proofs fast."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import LargeBinary, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform.chain import ChainDamaged, ChainTables
from mercato.platform.database import Session
from mercato_contracts import merkle

_STEP = 8
"""Subtrees of 256, 65,536, … entries are kept; smaller ones are computed from their leaves."""


class SubtreeRoot:
    """Columns of a table of subtrees: the root over `2 ** level` entries, the `number`-th of that size."""

    level: Mapped[int]
    number: Mapped[int]
    root: Mapped[bytes] = mapped_column(LargeBinary)


class MerkleTree:
    """The commitment of a chain with short proofs. The chain's digests are the leaves."""

    def __init__(self, session: Session, tables: ChainTables[bytes, datetime], nodes: type[SubtreeRoot]) -> None:
        self._session = session
        self._tables = tables
        self._nodes = nodes

    async def state_at(self, size: int) -> str:
        return (await self._root(0, size)).hex()

    async def prepare(self, before: int, size: int) -> None:
        level = _STEP
        while size >> level:
            for number in range(before >> level, size >> level):
                root = await self._root(number << level, (number + 1) << level)
                row = insert(self._nodes).values(level=level, number=number, root=root).on_conflict_do_nothing()
                await self._session.execute(row)
            level += _STEP

    def state_of(self, digests: Sequence[bytes]) -> str:
        return merkle.root_of(digests).hex()

    async def prove(self, place: int, size: int) -> list[str]:
        """The path from the entry to the root over the first `size`, in hexadecimal."""
        return [(await self._root(*span)).hex() for span in merkle.inclusion_spans(place, size)]

    async def prove_consistency(self, first: int, second: int) -> list[str]:
        """The path that proves that the log of `second` entries begins with the log of `first`."""
        spans = merkle.consistency_spans(first, second) if first < second else []
        return [(await self._root(*span)).hex() for span in spans]

    async def _root(self, low: int, high: int) -> bytes:
        """The root of these entries: a stored one if there is one, else computed from stored ones or leaves below."""
        span = high - low
        level = span.bit_length() - 1
        if span == 1 << level and low % span == 0:
            if level >= _STEP and level % _STEP == 0 and (kept := await self._kept(level, low // span)):
                return kept
            if level <= _STEP:
                return merkle.root_of(await self._leaves(low, high))
            below = (level - 1) // _STEP * _STEP
            return merkle.root_of(await self._subtrees(below, low >> below, high >> below))
        middle = low + merkle.split(span)
        return merkle.node_hash(await self._root(low, middle), await self._root(middle, high))

    async def _leaves(self, low: int, high: int) -> Sequence[bytes]:
        place, digest = self._tables.place, self._tables.digest
        query = select(digest).where(place >= low, place < high).order_by(place)
        leaves = (await self._session.scalars(query)).all()
        if len(leaves) != high - low:
            raise ChainDamaged(f"Of entries {low} to {high - 1} only {len(leaves)} are there.", size=high)
        return leaves

    async def _subtrees(self, level: int, low: int, high: int) -> Sequence[bytes]:
        nodes = self._nodes
        query = select(nodes).where(nodes.level == level, nodes.number >= low, nodes.number < high)
        kept = {node.number: node.root for node in await self._session.scalars(query)}
        return [
            kept[number] if number in kept else await self._root(number << level, (number + 1) << level)
            for number in range(low, high)
        ]

    async def _kept(self, level: int, number: int) -> bytes | None:
        node = await self._session.get(self._nodes, (level, number))
        return node.root if node else None
