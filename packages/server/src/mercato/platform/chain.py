"""Chains: numbered, append-only entries, and signed heads over them that anybody may keep.

A room keeps its entries and heads in its own tables and names their columns in a `ChainTables`. What a head
signs of the entries is a commitment: the digest of the last entry, where each covers the one before (`LinkedDigests`),
or the root of a tree (`platform/merkle_tree.py`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from sqlalchemy import BigInteger, func, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from mercato.platform.clock import Clock
from mercato.platform.database import Session
from mercato.platform.head_key import HeadKey

SEAL_EVERY = timedelta(hours=1)
_AT = "%Y-%m-%dT%H:%M:%S.%fZ"

Digest = TypeVar("Digest")
Time = TypeVar("Time")
_Committed = TypeVar("_Committed", contravariant=True)


class ChainDamaged(Exception):
    """The entries differ from what was written or sealed: somebody altered them.

    `size` counts entries from the start.
    """

    def __init__(self, message: str, *, size: int) -> None:
        super().__init__(message)
        self.size = size


class SignedHead:
    """Columns of a table of heads. The table says which column holds `state`, the commitment in hexadecimal."""

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    state: Mapped[str]
    at: Mapped[str]
    sealed_at: Mapped[datetime]
    key: Mapped[str]
    signature: Mapped[str]


@dataclass(frozen=True, slots=True)
class ChainTables(Generic[Digest, Time]):
    """Where a chain is kept. `statement` gives the bytes that a head of this size, state and time signs.

    `lock` is any number, the same in every process that appends and another for each chain.
    """

    place: InstrumentedAttribute[int]
    digest: InstrumentedAttribute[Digest]
    at: InstrumentedAttribute[Time]
    heads: type[SignedHead]
    lock: int
    statement: Callable[[int, str, str], bytes]


@dataclass(frozen=True, slots=True)
class Last(Generic[Digest, Time]):
    """The newest entry."""

    place: int
    digest: Digest
    at: Time


class Commitment(Protocol[_Committed]):
    """What a head signs of the entries before it."""

    async def state_at(self, size: int) -> str:
        """The commitment over the first `size` entries as they are stored now.

        Raises `ChainDamaged` if one is missing.
        """
        ...

    async def prepare(self, before: int, size: int) -> None:
        """The chain is about to be sealed with `size` entries, of which the first `before` were sealed already."""
        ...

    def state_of(self, digests: Sequence[_Committed]) -> str:
        """The commitment over these entries, from their digests in order; there is at least one."""
        ...


class LinkedDigests:
    """Each entry's digest covers the one before it, so the last covers them all."""

    def __init__(self, session: Session, tables: ChainTables[str, str]) -> None:
        self._session = session
        self._tables = tables

    async def state_at(self, size: int) -> str:
        query = select(self._tables.digest).where(self._tables.place == size - 1)
        digest = await self._session.scalar(query)
        if digest is None:
            raise ChainDamaged(f"Entry {size - 1} is not there.", size=size)
        return digest

    async def prepare(self, before: int, size: int) -> None:
        """Nothing: the state is read from one row."""

    def state_of(self, digests: Sequence[str]) -> str:
        return digests[-1]


class Chain(Generic[Digest, Time]):
    """Appends, seals and checks, within one transaction."""

    def __init__(
        self, session: Session, clock: Clock, tables: ChainTables[Digest, Time], commitment: Commitment[Digest]
    ) -> None:
        self._session = session
        self._clock = clock
        self._tables = tables
        self._commitment = commitment

    async def lock(self) -> None:
        """Take the lock: until this transaction ends, no other one appends or seals."""
        await self._session.execute(select(func.pg_advisory_xact_lock(self._tables.lock)))

    async def begin_append(self) -> Last[Digest, Time] | None:
        """The last entry, `None` in an empty chain. Until this transaction ends, no other one appends."""
        await self.lock()
        return await self._last()

    async def seal(self, key: HeadKey, *, at_once: bool = False) -> SignedHead | None:
        """A new signed head if an hour has passed since the last one and entries were added; otherwise `None`.

        Raises `ChainDamaged` if the entries that the last head covers have changed.
        """
        last = await self.begin_append()
        sealed = await self.newest_head()
        size, now = last.place + 1 if last else 0, self._clock.now()
        if sealed is None and size == 0:
            return None
        if sealed is not None:
            if sealed.size == size or not (at_once or now >= sealed.sealed_at + SEAL_EVERY):
                return None
            # A head over entries that were altered would vouch for the alteration.
            if size < sealed.size or await self._commitment.state_at(sealed.size) != sealed.state:
                raise _unlike(sealed)
        await self._commitment.prepare(sealed.size if sealed else 0, size)
        return await self._add_head(key, size, now)

    async def newest_head(self) -> SignedHead | None:
        newest = await self.heads(1)
        return newest[0] if newest else None

    async def heads(self, limit: int) -> Sequence[SignedHead]:
        """The newest first."""
        heads = self._tables.heads
        return (await self._session.scalars(select(heads).order_by(heads.size.desc()).limit(limit))).all()

    async def find_head(self, size: int) -> SignedHead | None:
        return await self._session.get(self._tables.heads, size)

    async def check_heads(self, digests: Sequence[Digest], key: HeadKey | None = None) -> None:
        """Compare every head with digests recomputed from the entries; with `key`, check signatures as well.

        Raises `ChainDamaged`.
        """
        heads = self._tables.heads
        for head in await self._session.scalars(select(heads).order_by(heads.size)):
            if head.size > len(digests) or self._commitment.state_of(digests[: head.size]) != head.state:
                raise _unlike(head)
            statement = self._tables.statement(head.size, head.state, head.at)
            if key is not None and not key.has_signed(statement, head.key, head.signature):
                raise ChainDamaged(
                    f"The head sealed at {head.at} is not signed by a key of this marketplace.", size=head.size
                )

    async def _add_head(self, key: HeadKey, size: int, now: datetime) -> SignedHead:
        state = await self._commitment.state_at(size)
        at = now.strftime(_AT)
        signer = key.signer()
        head = self._tables.heads()
        head.size, head.state, head.at, head.sealed_at = size, state, at, now
        head.key, head.signature = signer.public, signer.sign(self._tables.statement(size, state, at))
        self._session.add(head)
        return head

    async def _last(self) -> Last[Digest, Time] | None:
        tables = self._tables
        query = select(tables.place, tables.digest, tables.at).order_by(tables.place.desc()).limit(1)
        row = (await self._session.execute(query)).first()
        return None if row is None else Last(row[0], row[1], row[2])


def _unlike(head: SignedHead) -> ChainDamaged:
    text = f"The first {head.size} entries are not those that were sealed at {head.at}."
    return ChainDamaged(text, size=head.size)
