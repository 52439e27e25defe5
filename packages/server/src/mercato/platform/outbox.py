"""The outbox: news written in the same transaction as the change that it reports.

Every reader keeps its own place in the log, so that each of several search indexes and gateways hears everything. Rows
become visible in the order of their commits, not of their numbers; a reader therefore goes by `(transaction, number)`
and stops before the oldest open transaction, because nothing written later can come before that.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Identity, Index, delete, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform.clock import Clock
from mercato.platform.context import RequestContext, current_request
from mercato.platform.database import Base, Session
from mercato.platform.news import News

CHANNEL = "mercato_outbox"
_MOST_COUNTED = 10_000
_LONGEST_NOTICE = 7_000  # PostgreSQL takes fewer than 8,000 bytes
_N = TypeVar("_N", bound=News)
_N_co = TypeVar("_N_co", bound=News, covariant=True)
_OLDEST_OPEN = text("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_MOST_LOOKED_AT = 200
"""News whose topics are looked at before all readers look for themselves."""


class OutboxRow(Base):
    """One piece of news. `transaction` is PostgreSQL's own 64-bit number of the transaction that wrote it."""

    __tablename__ = "outbox_events"
    __table_args__ = (Index("ix_outbox_events_place", "transaction", "number"),)

    number: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    transaction: Mapped[int] = mapped_column(server_default=text("(pg_current_xact_id()::text::bigint)"))
    topic: Mapped[str]
    payload: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    context: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class OutboxPlace(Base):
    """How far a durable reader has read."""

    __tablename__ = "outbox_places"

    reader: Mapped[str] = mapped_column(primary_key=True)
    transaction: Mapped[int]
    number: Mapped[int]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in the log: everything up to and including it was read."""

    transaction: int
    number: int


@dataclass(frozen=True, slots=True)
class Event(Generic[_N_co]):
    """News as a reader receives it: its place in the log, what happened, when, and for which request."""

    place: Place
    news: _N_co
    at: datetime
    context: RequestContext | None = None


class Outbox:
    """Writes news into the transaction of the change."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def add(self, session: Session, news: News, context: RequestContext | None = None) -> None:
        """Tell every reader of this class of news, if and only if this transaction commits.

        `context` defaults to the current request.
        """
        topic, payload = news.topic, news.to_payload()
        request = current_request()
        if request is not None:
            request.written.add(topic)
            context = context or request.context
        stored_context = None if context is None else context.to_payload()
        session.add(OutboxRow(topic=topic, payload=payload, at=self._clock.now(), context=stored_context))
        await session.flush()
        # Readers also poll; the bell only shortens their wait. It rings at commit, and carries the news
        # if that is short, for subscribers that may hear it out of order.
        notice = json.dumps({"topic": topic, "payload": payload})
        await session.execute(select(func.pg_notify(CHANNEL, notice if len(notice) < _LONGEST_NOTICE else "")))


async def read_end(session: Session) -> Place:
    """The place from which a new reader starts that already knows the present state."""
    oldest_open = await session.scalar(select(_OLDEST_OPEN))
    assert oldest_open is not None
    return Place(int(oldest_open) - 1, 2**62)


async def read_oldest_open(session: Session, oldest_before: int) -> tuple[int, bool, frozenset[str] | None]:
    """The oldest open transaction; whether committed news waits for it to end; and the topics of the news since
    `oldest_before`, the value that this returned last time. `None` stands for any topics: there is a lot of news.
    """
    waits = select(OutboxRow.number).where(OutboxRow.transaction >= _OLDEST_OPEN).exists()
    # A transaction that stays open for minutes must not make each look read all that was written meanwhile.
    newer = select(OutboxRow.topic).where(OutboxRow.transaction >= oldest_before).limit(_MOST_LOOKED_AT).subquery()
    topics = select(func.array_agg(newer.c.topic)).scalar_subquery()
    oldest, waiting, new = (await session.execute(select(_OLDEST_OPEN, waits, topics))).one()
    found = new or []
    return int(oldest), bool(waiting), frozenset(found) if len(found) < _MOST_LOOKED_AT else None


async def read_events(session: Session, after: Place, kinds: Sequence[type[_N]], limit: int) -> list[Event[_N]]:
    """The next events of these classes of news, in order, at most `limit`."""
    by_topic = {kind.topic: kind for kind in kinds}
    rows = await session.scalars(
        select(OutboxRow)
        .where(
            tuple_(OutboxRow.transaction, OutboxRow.number) > tuple_(after.transaction, after.number),
            OutboxRow.transaction < _OLDEST_OPEN,
            OutboxRow.topic.in_(by_topic),
        )
        .order_by(OutboxRow.transaction, OutboxRow.number)
        .limit(limit)
    )
    return [
        Event(
            Place(row.transaction, row.number),
            by_topic[row.topic].from_payload(row.payload),
            row.at,
            RequestContext.from_payload(row.context),
        )
        for row in rows
    ]


async def reaches_back(session: Session, place: Place) -> bool:
    """Whether the log still has all news after this place, as far as it can tell: it has some of before it."""
    before = tuple_(OutboxRow.transaction, OutboxRow.number) <= tuple_(place.transaction, place.number)
    return bool(await session.scalar(select(select(OutboxRow.number).where(before).exists())))


async def lock_place(session: Session, reader: str) -> Place | None:
    """The durable reader's place, locked until the transaction ends; `None` while another process holds it.

    A reader seen for the first time starts at the beginning of the log.
    """
    await session.execute(insert(OutboxPlace).values(reader=reader, transaction=0, number=0).on_conflict_do_nothing())
    row = await session.scalar(
        select(OutboxPlace).where(OutboxPlace.reader == reader).with_for_update(skip_locked=True)
    )
    return None if row is None else Place(row.transaction, row.number)


async def move_place(session: Session, reader: str, place: Place) -> None:
    """Record that everything up to `place` was handled, in the same transaction as the handling."""
    await session.execute(
        update(OutboxPlace)
        .where(OutboxPlace.reader == reader)
        .values(transaction=place.transaction, number=place.number)
    )


async def read_place(session: Session, reader: str) -> Place:
    """The place of a reader that hands news over outside any transaction; such a reader has one process at a time.

    A reader seen for the first time starts at the beginning of the log.
    """
    await session.execute(insert(OutboxPlace).values(reader=reader, transaction=0, number=0).on_conflict_do_nothing())
    row = (await session.execute(select(OutboxPlace).where(OutboxPlace.reader == reader))).scalar_one()
    return Place(row.transaction, row.number)


async def pass_place(session: Session, reader: str, before: Place, place: Place) -> bool:
    """Move from `before` to `place`; false, and nothing moved, where another process has moved it meanwhile."""
    moved = await session.execute(
        update(OutboxPlace)
        .where(
            OutboxPlace.reader == reader,
            OutboxPlace.transaction == before.transaction,
            OutboxPlace.number == before.number,
        )
        .values(transaction=place.transaction, number=place.number)
        .returning(OutboxPlace.reader)
    )
    return moved.one_or_none() is not None


async def forget_reader(session: Session, reader: str) -> None:
    """A reader that is no more keeps no news from being deleted."""
    await session.execute(delete(OutboxPlace).where(OutboxPlace.reader == reader))


async def forget_events(session: Session, before: datetime) -> int:
    """Delete news older than `before` that every durable reader has passed; returns how many."""
    passed = await session.execute(
        select(OutboxPlace.transaction, OutboxPlace.number)
        .order_by(OutboxPlace.transaction, OutboxPlace.number)
        .limit(1)
    )
    place = passed.one_or_none()
    if place is None:
        return 0
    gone = await session.execute(
        delete(OutboxRow)
        .where(OutboxRow.at < before, tuple_(OutboxRow.transaction, OutboxRow.number) <= tuple_(*place))
        .returning(OutboxRow.number)
    )
    return len(gone.all())


@dataclass(frozen=True, slots=True)
class Lag:
    """How much news a reader has not handled, counted up to 10,000. `oldest` is the time of the oldest."""

    waiting: int
    oldest: datetime | None


class OutboxLag:
    """How far durable readers are behind, as one process keeps reading it."""

    def __init__(self, topics: Mapping[str, Sequence[str]]) -> None:
        self._topics = topics
        # A reader's place does not move for other readers' news: a range without news for a reader is not read again.
        self._clear: dict[str, Place] = {}

    async def read(self, session: Session) -> dict[str, Lag]:
        """The backlog by reader. One that never ran is not listed."""
        present = await read_end(session)
        query = select(OutboxPlace.reader, OutboxPlace.transaction, OutboxPlace.number)
        places = {row[0]: Place(row[1], row[2]) for row in await session.execute(query)}
        found: dict[str, Lag] = {}
        for reader, topics in self._topics.items():
            if reader in places:
                after = max(places[reader], self._clear.get(reader, places[reader]))
                found[reader] = await _lag(session, after, topics)
                if not found[reader].waiting:
                    self._clear[reader] = present
        return found


async def _lag(session: Session, after: Place, topics: Sequence[str]) -> Lag:
    waiting = (
        select(OutboxRow.at)
        .where(
            tuple_(OutboxRow.transaction, OutboxRow.number) > tuple_(after.transaction, after.number),
            OutboxRow.topic.in_(topics),
        )
        .limit(_MOST_COUNTED)
        .subquery()
    )
    count, oldest = (await session.execute(select(func.count(), func.min(waiting.c.at)).select_from(waiting))).one()
    return Lag(int(count), oldest)
