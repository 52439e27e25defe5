"""The log of signals: append, seal each hour, prove.

Hashing as in RFC 6962. Roots of whole subtrees are kept, so that proofs stay quick.
"""

import base64
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from mercato.platform import Clock, Purpose, Session, derive_key
from mercato.signals.models import SignalEntry, SignalHead, SignalNode
from mercato.signals.refusals import EntryNotFound, HeadNotFound, LogDamaged, NotSealedYet
from mercato_contracts import merkle
from mercato_contracts.record import RecordHead, record_head_bytes
from mercato_contracts.signals import SignalConsistency, SignalProof, TreeHead, tree_head_bytes

SEAL_EVERY = timedelta(hours=1)
_AT = "%Y-%m-%dT%H:%M:%S.%fZ"
_LOCK = 4_017_202_612  # any number, the same in every process that appends
_STEP = 8
"""Subtrees of 256, 65,536, … entries are kept; smaller ones are computed from their leaves."""


class LogKey:
    """The marketplace's Ed25519 key for heads of the log and of the desk's record.

    It is made from the marketplace's own secret (32 bytes or more).
    """

    def __init__(self, secret: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(derive_key(secret, Purpose.SIGNED_HEAD))

    @property
    def public(self) -> str:
        """32 bytes in base64."""
        return base64.b64encode(self._private.public_key().public_bytes_raw()).decode()

    def sign(self, size: int, root: bytes, at: datetime) -> TreeHead:
        """A signed head."""
        told = at.strftime(_AT)
        signature = self._sign(tree_head_bytes(size, root.hex(), told))
        return TreeHead(size=size, root=root.hex(), at=told, key=self.public, signature=signature)

    def sign_record(self, size: int, digest: str, at: datetime) -> RecordHead:
        """A signed head of the desk's record."""
        told = at.strftime(_AT)
        signature = self._sign(record_head_bytes(size, digest, told))
        return RecordHead(size=size, digest=digest, at=told, key=self.public, signature=signature)

    def has_signed(self, head: RecordHead) -> bool:
        """Whether this key did: Ed25519 signs the same bytes in the same way always (RFC 8032)."""
        return head.key == self.public and head.signature == self._sign(
            record_head_bytes(head.size, head.digest, head.at)
        )

    def _sign(self, content: bytes) -> str:
        return base64.b64encode(self._private.sign(content)).decode()


def write_entry(
    *, deployment_id: str, round_id: str, era: int, scores_sha256: str, received_at: datetime, place: int
) -> str:
    """The entry as it is hashed: JSON without spaces, keys sorted."""
    told = {
        "deployment": deployment_id,
        "era": era,
        "place": place,
        "received_at": received_at.isoformat(),
        "round": round_id,
        "scores_sha256": scores_sha256,
    }
    return json.dumps(told, separators=(",", ":"), sort_keys=True)


class SignalLog:
    """The log within one transaction."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock

    async def begin_append(self) -> tuple[int, datetime]:
        """The next place and the time of what is appended now; until this transaction ends nobody else appends.

        Times never go back along the log, even where the machine's clock does.
        """
        await self._session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        query = select(SignalEntry.place, SignalEntry.received_at).order_by(SignalEntry.place.desc()).limit(1)
        last = (await self._session.execute(query)).first()
        now = self._clock.now()
        return (0, now) if last is None else (last.place + 1, max(now, last.received_at))

    async def seal(self, key: LogKey, *, at_once: bool = False) -> TreeHead | None:
        """A new signed head when an hour has passed since the last and entries came; else nothing.

        Raises `LogDamaged` when what the last head covers is no longer what was signed.
        """
        await self._session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        last, size = await self._newest_head(), await self._size()
        now = self._clock.now()
        if size == 0 or (
            last is not None and (last.size == size or not (at_once or now >= last.sealed_at + SEAL_EVERY))
        ):
            return None
        await self._keep_subtrees(last.size if last else 0, size)
        if last is not None and (await self._root(0, last.size)).hex() != last.root:
            raise LogDamaged(f"The first {last.size} entries are not those that were signed at {last.at}.")
        head = key.sign(size, await self._root(0, size), now)
        self._session.add(SignalHead(**head.model_dump(), sealed_at=now))
        return head

    async def prove(self, entry_id: str) -> SignalProof:
        """That the entry stands in the newest sealed log. Raises `EntryNotFound`, `NotSealedYet`."""
        row = await self._session.scalar(select(SignalEntry).where(SignalEntry.id == entry_id))
        if row is None:
            raise EntryNotFound(f"There is no entry {entry_id}.")
        head = await self._newest_head()
        if head is None or row.place >= head.size:
            raise NotSealedYet("The log is sealed each hour, and this entry came after the last seal.")
        path = [await self._root(*span) for span in merkle.inclusion_spans(row.place, head.size)]
        return SignalProof(place=row.place, entry=row.entry, path=[step.hex() for step in path], head=view_head(head))

    async def prove_consistency(self, first: int, second: int | None) -> SignalConsistency:
        """That the later head only added to the earlier. Raises `HeadNotFound`."""
        newest = await self._newest_head() if second is None else await self._session.get(SignalHead, second)
        older = await self._session.get(SignalHead, first)
        if newest is None or older is None or older.size > newest.size:
            raise HeadNotFound("There is no such pair of sealed heads.")
        spans = merkle.consistency_spans(older.size, newest.size) if older.size < newest.size else []
        path = [(await self._root(*span)).hex() for span in spans]
        return SignalConsistency(first=view_head(older), second=view_head(newest), path=path)

    async def heads(self, limit: int) -> list[TreeHead]:
        """The newest first."""
        rows = await self._session.scalars(select(SignalHead).order_by(SignalHead.size.desc()).limit(limit))
        return [view_head(row) for row in rows]

    async def audit(self) -> int:
        """Recompute everything from the scores up; returns how many entries hold. Raises `LogDamaged`.

        Finds an altered score, time, deployment or hash, a gap, an entry put in between, and a head that does not fit.
        """
        from mercato.signals.store import digest_scores

        leaves: list[bytes] = []
        last: datetime | None = None
        rows = await self._session.stream_scalars(
            select(SignalEntry).order_by(SignalEntry.place).execution_options(yield_per=1000)
        )
        async for row in rows:
            told = write_entry(
                deployment_id=row.deployment_id, round_id=row.round_id, era=row.era, place=len(leaves),
                scores_sha256=digest_scores(row.scores), received_at=row.received_at,
            )  # fmt: skip
            if row.place != len(leaves) or told != row.entry or merkle.leaf_hash(told.encode()) != row.leaf:
                raise LogDamaged(f"Entry {row.place} is not what was written.", place=row.place)
            if last is not None and row.received_at < last:
                raise LogDamaged(f"Entry {row.place} is dated before the one ahead of it.", place=row.place)
            leaves.append(row.leaf)
            last = row.received_at
        for head in await self._session.scalars(select(SignalHead).order_by(SignalHead.size)):
            if head.size > len(leaves) or merkle.root_of(leaves[: head.size]).hex() != head.root:
                raise LogDamaged(f"The head of {head.at} does not fit the log.", size=head.size)
        return len(leaves)

    async def _newest_head(self) -> SignalHead | None:
        return await self._session.scalar(select(SignalHead).order_by(SignalHead.size.desc()).limit(1))

    async def _size(self) -> int:
        newest = await self._session.scalar(select(func.max(SignalEntry.place)))
        return 0 if newest is None else newest + 1

    async def _keep_subtrees(self, before: int, size: int) -> None:
        level = _STEP
        while size >> level:
            for number in range(before >> level, size >> level):
                root = await self._root(number << level, (number + 1) << level)
                row = insert(SignalNode).values(level=level, number=number, root=root).on_conflict_do_nothing()
                await self._session.execute(row)
            level += _STEP

    async def _root(self, low: int, high: int) -> bytes:
        """The root of these entries: a kept one where there is, else from the kept ones or leaves below."""
        span = high - low
        level = span.bit_length() - 1
        if span == 1 << level and low % span == 0:
            if (
                level >= _STEP
                and level % _STEP == 0
                and (kept := await self._session.get(SignalNode, (level, low // span)))
            ):
                return kept.root
            if level <= _STEP:
                return merkle.root_of(await self._leaves(low, high))
            if level > _STEP:
                below = (level - 1) // _STEP * _STEP
                return merkle.root_of(await self._nodes(below, low >> below, high >> below))
        middle = low + merkle.split(span)
        return merkle.node_hash(await self._root(low, middle), await self._root(middle, high))

    async def _leaves(self, low: int, high: int) -> Sequence[bytes]:
        query = select(SignalEntry.leaf).where(SignalEntry.place >= low, SignalEntry.place < high)
        leaves = (await self._session.scalars(query.order_by(SignalEntry.place))).all()
        if len(leaves) != high - low:
            raise LogDamaged(f"Of entries {low} to {high - 1} only {len(leaves)} are there.")
        return leaves

    async def _nodes(self, level: int, low: int, high: int) -> Sequence[bytes]:
        query = select(SignalNode).where(SignalNode.level == level, SignalNode.number >= low, SignalNode.number < high)
        kept = {node.number: node.root for node in await self._session.scalars(query)}
        return [
            kept[number] if number in kept else await self._root(number << level, (number + 1) << level)
            for number in range(low, high)
        ]


def view_head(row: SignalHead) -> TreeHead:
    return TreeHead(size=row.size, root=row.root, at=row.at, key=row.key, signature=row.signature)
