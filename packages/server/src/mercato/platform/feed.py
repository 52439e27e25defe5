"""Readers of the outbox: one listening connection a process, any number of subscribers.

A *durable* subscriber handles each event once for the whole marketplace, in the transaction that moves its place; when
it raises, the transaction is undone and the same events come again. An *ephemeral* subscriber belongs to one process,
starts at the present and is called with every event from then on.
"""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg
import structlog
from prometheus_client import Counter
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from mercato.platform.database import Database, Session
from mercato.platform.outbox import CHANNEL, Event, Place, lock_place, move_place, read_end, read_events

log = structlog.get_logger(__name__)

_BATCH = 200
_LOOK_AGAIN_SECONDS = 1.0
_OUT_OF_TURN = Place(0, 0)
_HANDLED = Counter("mercato_outbox_handled_total", "Outbox events handled", ["reader"])
_FAILED = Counter("mercato_outbox_failures_total", "Outbox batches that raised and will come again", ["reader"])

DurableHandler = Callable[[Session, Sequence[Event]], Awaitable[None]]
EphemeralHandler = Callable[[Sequence[Event]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class DurableSubscriber:
    """Handles each event once, whoever runs it: `name` is its place's name and must never change."""

    name: str
    topics: tuple[str, ...]
    handle: DurableHandler


@dataclass(frozen=True, slots=True)
class EphemeralSubscriber:
    """Hears what happens from now on, in this process.

    The log is read in the order of commits, so its news waits for the oldest transaction still open. What cannot wait,
    and does no harm out of its turn and twice (a revocation), is named under `hurried`: it is also handed over as soon
    as it is committed. `handle` is never called twice at once.
    """

    name: str
    topics: tuple[str, ...]
    handle: EphemeralHandler
    hurried: tuple[str, ...] = ()


class OutboxFeed:
    """Runs subscribers until it is closed. A lost database is waited for; nothing is skipped."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._bells: list[asyncio.Event] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._hurried: list[tuple[EphemeralSubscriber, asyncio.Lock]] = []

    async def start(self, durable: Sequence[DurableSubscriber], ephemeral: Sequence[EphemeralSubscriber]) -> None:
        """Begin reading. Ephemeral subscribers hear everything that is committed after this returns."""
        async with self._database.transaction() as session:
            present = await read_end(session)
        turns = [(hearer, asyncio.Lock()) for hearer in ephemeral]
        self._hurried = [(hearer, turn) for hearer, turn in turns if hearer.hurried]
        self._tasks.append(asyncio.create_task(self._listen(), name="outbox listener"))
        for reader in durable:
            self._tasks.append(asyncio.create_task(self._run_durable(reader), name=f"outbox {reader.name}"))
        for hearer, turn in turns:
            reading = self._run_ephemeral(hearer, turn, present)
            self._tasks.append(asyncio.create_task(reading, name=f"outbox {hearer.name}"))

    async def close(self) -> None:
        """Stop all readers; a batch in hand is undone and comes again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _listen(self) -> None:
        dsn = self._database.url.replace("postgresql+psycopg://", "postgresql://", 1)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, connect_timeout=3) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    async for note in connection.notifies():
                        self._ring()
                        await self._hurry(note.payload)
            except psycopg.Error as error:
                log.warning("outbox listener lost the database", error=str(error))
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    async def _hurry(self, said: str) -> None:
        """Hand the news over at once to those who asked for it; should that fail, it comes again in its turn."""
        if not said or not self._hurried:
            return
        told = json.loads(said)
        event = Event(_OUT_OF_TURN, told["topic"], told["payload"], datetime.now(UTC))
        for hearer, turn in self._hurried:
            if event.topic not in hearer.hurried:
                continue
            try:
                async with turn:
                    await hearer.handle([event])
            except Exception as error:
                self._note_failure(hearer.name, error)

    def _ring(self) -> None:
        for bell in self._bells:
            bell.set()

    async def _wait(self, bell: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_AGAIN_SECONDS):
                await bell.wait()
        bell.clear()

    def _new_bell(self) -> asyncio.Event:
        bell = asyncio.Event()
        self._bells.append(bell)
        return bell

    async def _run_durable(self, reader: DurableSubscriber) -> None:
        bell = self._new_bell()
        while True:
            try:
                handled = await self._handle_durable(reader)
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self._note_failure(reader.name, error)
                handled = 0
            if handled < _BATCH:
                await self._wait(bell)

    async def _handle_durable(self, reader: DurableSubscriber) -> int:
        async with self._database.transaction() as session:
            place = await lock_place(session, reader.name)
            if place is None:
                return 0
            events = await read_events(session, place, reader.topics, _BATCH)
            if not events:
                return 0
            await reader.handle(session, events)
            await move_place(session, reader.name, events[-1].place)
        _HANDLED.labels(reader.name).inc(len(events))
        return len(events)

    async def _run_ephemeral(self, hearer: EphemeralSubscriber, turn: asyncio.Lock, place: Place) -> None:
        bell = self._new_bell()
        while True:
            events: Sequence[Event] = ()
            try:
                async with self._database.transaction() as session:
                    events = await read_events(session, place, hearer.topics, _BATCH)
                if events:
                    async with turn:
                        await hearer.handle(events)
                    place = events[-1].place
                    _HANDLED.labels(hearer.name).inc(len(events))
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self._note_failure(hearer.name, error)
                events = ()
            if len(events) < _BATCH:
                await self._wait(bell)

    def _note_failure(self, name: str, error: Exception) -> None:
        _FAILED.labels(name).inc()
        if isinstance(error, DBAPIError | SQLAlchemyError | psycopg.Error | OSError):
            log.warning("outbox reader could not reach what it needs", reader=name, error=str(error))
        else:
            log.error("outbox reader failed; the same events come again", reader=name, exc_info=error)
