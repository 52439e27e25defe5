"""The log of signals: a chain under a Merkle tree, so one entry can be proved without the others."""

from collections.abc import Awaitable
from datetime import datetime
from typing import TypeVar

from mercato.platform import Chain, ChainDamaged, ChainTables, Clock, HeadKey, MerkleTree, Session
from mercato.signals.entries import digest_scores, write_entry
from mercato.signals.heads import view_log_head
from mercato.signals.models import SignalEntry, SignalHead, SignalNode
from mercato.signals.refusals import EntryNotFound, HeadNotFound, LogDamaged, NotSealedYet
from mercato.signals.repository import SignalRepository
from mercato_contracts.merkle import leaf_hash
from mercato_contracts.signals import SignalConsistency, SignalProof, TreeHead, tree_head_bytes

_TABLES = ChainTables(
    place=SignalEntry.place,
    digest=SignalEntry.leaf,
    at=SignalEntry.received_at,
    heads=SignalHead,
    lock=4_017_202_612,
    statement=tree_head_bytes,
)

_Result = TypeVar("_Result")


class SignalLog:
    """The log within one transaction."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._rows = SignalRepository(session)
        self._clock = clock
        self._tree = MerkleTree(session, _TABLES, SignalNode)
        self._chain = Chain(session, clock, _TABLES, self._tree)

    async def begin_append(self) -> tuple[int, datetime]:
        """The place and time of the next entry, locked until this transaction ends.

        Times never go back along the log, even if the machine's clock does.
        """
        last = await self._chain.begin_append()
        now = self._clock.now()
        return (0, now) if last is None else (last.place + 1, max(now, last.at))

    async def seal(self, key: HeadKey, *, at_once: bool = False) -> TreeHead | None:
        """A new signed head if an hour has passed since the last one and entries were added; otherwise `None`.

        Raises `LogDamaged` if the entries that the last head covers have changed.
        """
        head = await _undamaged(self._chain.seal(key, at_once=at_once))
        return view_log_head(head) if head else None

    async def prove(self, entry_id: str) -> SignalProof:
        """A proof that the entry is in the newest sealed log. Raises `EntryNotFound`, `NotSealedYet`."""
        row = await self._rows.find_entry(entry_id)
        if row is None:
            raise EntryNotFound(f"There is no entry {entry_id}.")
        head = await self._chain.newest_head()
        if head is None or row.place >= head.size:
            raise NotSealedYet("The log is sealed each hour, and this entry came after the last seal.")
        path = await _undamaged(self._tree.prove(row.place, head.size))
        return SignalProof(place=row.place, entry=row.entry, path=path, head=view_log_head(head))

    async def prove_consistency(self, first: int, second: int | None) -> SignalConsistency:
        """A proof that the later head only added to the earlier one. Raises `HeadNotFound`."""
        newest = await (self._chain.newest_head() if second is None else self._chain.find_head(second))
        older = await self._chain.find_head(first)
        if newest is None or older is None or older.size > newest.size:
            raise HeadNotFound("There is no such pair of sealed heads.")
        path = await _undamaged(self._tree.prove_consistency(older.size, newest.size))
        return SignalConsistency(first=view_log_head(older), second=view_log_head(newest), path=path)

    async def heads(self, limit: int) -> list[TreeHead]:
        """The newest first."""
        return [view_log_head(head) for head in await self._chain.heads(limit)]

    async def audit(self) -> int:
        """Recompute everything from the scores up; returns how many entries hold. Raises `LogDamaged`.

        Finds an altered score, time, deployment or hash, a gap, an inserted entry, and a head that does not fit.
        """
        leaves: list[bytes] = []
        last: datetime | None = None
        async for row in self._rows.all_entries():
            entry = write_entry(
                deployment_id=row.deployment_id, round_id=row.round_id, era=row.era, place=len(leaves),
                scores_sha256=digest_scores(row.scores), received_at=row.received_at,
            )  # fmt: skip
            if row.place != len(leaves) or entry != row.entry or leaf_hash(entry.encode()) != row.leaf:
                raise LogDamaged(f"Entry {row.place} is not what was written.", place=row.place)
            if last is not None and row.received_at < last:
                raise LogDamaged(f"Entry {row.place} is dated before the one ahead of it.", place=row.place)
            leaves.append(row.leaf)
            last = row.received_at
        await _undamaged(self._chain.check_heads(leaves))
        return len(leaves)


async def _undamaged(work: Awaitable[_Result]) -> _Result:
    try:
        return await work
    except ChainDamaged as damage:
        raise LogDamaged(str(damage), size=damage.size) from None
