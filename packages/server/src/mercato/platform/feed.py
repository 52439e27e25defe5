"""Readers of the outbox: one listening connection per process, any number of subscribers.

A *durable* subscriber handles each event once for the whole marketplace, in the transaction that moves its place; if it
raises, the transaction is rolled back and the same events come again. An *outside* subscriber asks a system that may be
slow or away: no transaction is open meanwhile. An *ephemeral* subscriber belongs to one process, starts at the present
and is called with every event from then on.
"""

import asyncio
import contextlib
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import psycopg
import structlog
from prometheus_client import Counter
from psycopg import sql
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from mercato.platform.bell import Bell
from mercato.platform.database import LIVELY, Database, Session, libpq_url
from mercato.platform.news import News
from mercato.platform.outbox import (
    CHANNEL,
    Event,
    Place,
    lock_place,
    move_place,
    pass_place,
    read_end,
    read_events,
    read_oldest_open,
    read_place,
)
from mercato.platform.refusals import Unavailable
from mercato.platform.tracing import handling

if TYPE_CHECKING:
    from mercato_contracts.tracing import Tracer

log = structlog.get_logger(__name__)

_BATCH = 200
_RETRY_SECONDS = 1.0
_QUIET_SECONDS = 30.0
"""How often a process polls for news whose notification it missed, in seconds."""
_LONGEST_REST_SECONDS = 300.0
"""How often a reader polls although its process listens, in seconds: a safety net."""
_FIRST_PAUSE_SECONDS = 0.05
_ASKS_SECONDS = 3.0
"""How often a listener on another machine is asked whether it still listens, and how long it may think, in seconds: a
connection that was cut without a word would hear nothing for ever."""
_DEAF_SECONDS = 3.0
_OUT_OF_TURN = Place(0, 0)
_HANDLED = Counter("mercato_outbox_handled_total", "Outbox events handled", ["reader"])
_FAILED = Counter("mercato_outbox_failures_total", "Outbox batches that raised and will come again", ["reader"])

_N = TypeVar("_N", bound=News)
DurableHandler = Callable[[Session, Sequence[Event[_N]]], Awaitable[None]]
OutsideHandler = Callable[[Sequence[Event[_N]]], Awaitable[None]]
EphemeralHandler = Callable[[Sequence[Event[_N]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class DurableSubscriber(Generic[_N]):
    """Handles each event once, in whichever process it runs.

    Its place is stored under `name`, which must never change.
    """

    name: str
    kinds: tuple[type[_N], ...]
    handle: DurableHandler[_N]


@dataclass(frozen=True, slots=True)
class OutsideSubscriber(Generic[_N]):
    """Asks a system to do something, which does the same thing once however often it is asked."""

    name: str
    kinds: tuple[type[_N], ...]
    ask: OutsideHandler[_N]

    def inside(self) -> DurableSubscriber[_N]:
        """For a system in our own database, which is as quick as the transaction itself."""

        async def handle(_: Session, events: Sequence[Event[_N]]) -> None:
            await self.ask(events)

        return DurableSubscriber(self.name, self.kinds, handle)


@dataclass(frozen=True, slots=True)
class EphemeralSubscriber(Generic[_N]):
    """Hears what happens from now on, in this process.

    The log is read in commit order, so news waits for the oldest open transaction. News that cannot wait, and is
    harmless out of order and twice (a revocation), is named in `hurried`: it is also delivered as soon as it is
    committed. `handle` is never called concurrently.
    """

    name: str
    kinds: tuple[type[_N], ...]
    handle: EphemeralHandler[_N]
    hurried: tuple[type[_N], ...] = ()

    def find_hurried(self, topic: str) -> type[_N] | None:
        """The class of this topic, if its news is delivered out of order."""
        return next((kind for kind in self.hurried if kind.topic == topic), None)


class OutboxFeed:
    """Runs subscribers until it is closed.

    It waits for a lost database and skips nothing. It also listens for `bells`. News whose notification was lost is
    found within `quiet_seconds`. With a `tracer`, what durable readers do belongs to the trace that caused the news.
    """

    def __init__(
        self,
        database: Database,
        bells: Sequence[Bell] = (),
        *,
        quiet_seconds: float = _QUIET_SECONDS,
        tracer: "Tracer | None" = None,
    ) -> None:
        self._tracer = tracer
        self._database = database
        self._other_bells = {bell.channel: bell for bell in bells}
        self._quiet_seconds = quiet_seconds
        self._bells: list[tuple[asyncio.Event, frozenset[str]]] = []
        self._news_came = asyncio.Event()
        self._is_listening = False
        self._heard_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []
        self._hurried: list[tuple[EphemeralSubscriber[Any], asyncio.Lock]] = []

    async def start(
        self, durable: Sequence[DurableSubscriber[Any]], ephemeral: Sequence[EphemeralSubscriber[Any]]
    ) -> None:
        """Begin reading. Ephemeral subscribers hear everything that is committed after this returns."""
        async with self._database.transaction() as session:
            present = await read_end(session)
        turns = [(hearer, asyncio.Lock()) for hearer in ephemeral]
        self._hurried = [(hearer, turn) for hearer, turn in turns if hearer.hurried]
        self._tasks.append(asyncio.create_task(self._listen(), name="outbox listener"))
        self._tasks.append(asyncio.create_task(self._watch(present.transaction + 1), name="outbox bell"))
        for reader in durable:
            self._tasks.append(asyncio.create_task(self._run_durable(reader), name=f"outbox {reader.name}"))
        for hearer, turn in turns:
            reading = self._run_ephemeral(hearer, turn, present)
            self._tasks.append(asyncio.create_task(reading, name=f"outbox {hearer.name}"))

    async def close(self) -> None:
        """Stop all readers; an unfinished batch is rolled back and comes again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    @property
    def is_deaf(self) -> bool:
        """Whether this process has heard nothing for some seconds, because it cannot: what it knows may be old."""
        return not self._is_listening and time.monotonic() - self._heard_at > _DEAF_SECONDS

    async def _listen(self) -> None:
        dsn = libpq_url(self._database.url)
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(dsn, autocommit=True, **LIVELY) as connection:
                    for channel in (CHANNEL, *self._other_bells):
                        await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    self._note_listening(True)
                    self._news_came.set()  # for news that came while nobody listened
                    async for note in _notifications(connection):
                        await self._hear(note)
            except psycopg.Error as error:
                log.warning("outbox listener lost the database", error=str(error))
                self._note_listening(False)
                if isinstance(error, _Silent):  # it has heard nothing for some seconds already
                    self._heard_at = min(self._heard_at, time.monotonic() - _DEAF_SECONDS)
                self._ring()  # from now on readers poll
                await asyncio.sleep(_RETRY_SECONDS)

    def _note_listening(self, is_listening: bool) -> None:
        if is_listening or self._is_listening:  # and not at each vain attempt to listen again
            self._heard_at = time.monotonic()
        self._is_listening = is_listening
        for bell in self._other_bells.values():
            bell.is_heard = is_listening
            bell.ring()  # it may have been rung while nobody listened, and waits less long when nobody does

    async def _hear(self, note: psycopg.Notify) -> None:
        if note.channel in self._other_bells:
            self._other_bells[note.channel].ring()
            return
        self._news_came.set()
        await self._hurry(note.payload)

    async def _watch(self, oldest_before: int) -> None:
        """Ring for the readers that have something to read, of transactions from `oldest_before` on.

        News becomes readable once every older transaction has ended, which no notification announces: while news waits
        for that, poll, at first often.
        """
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                async with self._database.transaction() as session:
                    oldest, waits, topics = await read_oldest_open(session, oldest_before)
            except (DBAPIError, SQLAlchemyError, psycopg.Error, OSError):
                oldest, waits, topics = -1, True, None  # readers note the outage themselves
            if oldest != oldest_before or not waits:
                self._ring(topics)
            oldest_before = oldest
            if not waits:
                pause = _FIRST_PAUSE_SECONDS
                await self._await_news()
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, _RETRY_SECONDS)

    async def _await_news(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._quiet_seconds):
                await self._news_came.wait()
        self._news_came.clear()

    async def _hurry(self, payload: str) -> None:
        """Deliver the news at once to the subscribers that asked for it; if that fails, it comes again in order."""
        if not payload or not self._hurried:
            return
        notice = json.loads(payload)
        for hearer, turn in self._hurried:
            kind = hearer.find_hurried(notice["topic"])
            if kind is None:
                continue
            try:
                event = Event(_OUT_OF_TURN, kind.from_payload(notice["payload"]), datetime.now(UTC))
                async with turn:
                    await hearer.handle([event])
            except Exception as error:
                self._note_failure(hearer.name, error)

    def _ring(self, topics: frozenset[str] | None = None) -> None:
        """Wake the readers of these topics, or all."""
        for bell, wanted in self._bells:
            if topics is None or not wanted.isdisjoint(topics):
                bell.set()

    async def _wait(self, bell: asyncio.Event, *, soon: bool) -> None:
        """Wait until the bell rings; only a moment if the reader is known to have more to read."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RETRY_SECONDS if soon or not self._is_listening else _LONGEST_REST_SECONDS):
                await bell.wait()
        bell.clear()

    def _new_bell(self, kinds: Sequence[type[News]]) -> asyncio.Event:
        bell = asyncio.Event()
        self._bells.append((bell, frozenset(kind.topic for kind in kinds)))
        return bell

    async def _run_durable(self, reader: DurableSubscriber[Any]) -> None:
        await self._read_on(reader, lambda: self._handle_durable(reader))

    async def _read_on(
        self,
        reader: DurableSubscriber[Any] | OutsideSubscriber[Any],
        handle: Callable[[], Awaitable[int | None]],
        still_leads: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Batch after batch until cancelled; one that failed comes again. Raises what `still_leads` does."""
        bell = self._new_bell(reader.kinds)
        try:
            while True:
                if still_leads is not None:
                    await still_leads()
                try:
                    handled = await handle()
                except Exception as error:
                    self._note_failure(reader.name, error)
                    handled = None
                if handled is None or handled < _BATCH:
                    await self._wait(bell, soon=handled is None)
        finally:
            self._bells = [each for each in self._bells if each[0] is not bell]

    async def _handle_durable(self, reader: DurableSubscriber[Any]) -> int | None:
        """How many events were handled; `None` if another process currently holds the reader's place."""
        async with self._database.transaction() as session:
            place = await lock_place(session, reader.name)
            if place is None:
                return None
            events = await read_events(session, place, reader.kinds, _BATCH)
            if not events:
                return 0
            tracer = self._tracer
            with contextlib.nullcontext() if tracer is None else handling(tracer, reader.name, events):
                await reader.handle(session, events)
                await move_place(session, reader.name, events[-1].place)
        _HANDLED.labels(reader.name).inc(len(events))
        return len(events)

    async def follow(self, reader: OutsideSubscriber[Any], still_leads: Callable[[], Awaitable[None]]) -> None:
        """Ask for what each piece of news wants, in their order, until cancelled. Raises what `still_leads` does."""
        await self._read_on(reader, lambda: self._handle_outside(reader), still_leads)

    async def _handle_outside(self, reader: OutsideSubscriber[Any]) -> int:
        async with self._database.transaction() as session:
            place = await read_place(session, reader.name)
            events = await read_events(session, place, reader.kinds, _BATCH)
        if not events:
            return 0
        tracer = self._tracer
        with contextlib.nullcontext() if tracer is None else handling(tracer, reader.name, events):
            await reader.ask(events)
        async with self._database.transaction() as session:
            await pass_place(session, reader.name, place, events[-1].place)
        _HANDLED.labels(reader.name).inc(len(events))
        return len(events)

    async def _run_ephemeral(self, hearer: EphemeralSubscriber[Any], turn: asyncio.Lock, place: Place) -> None:
        bell = self._new_bell(hearer.kinds)
        await self._wait(bell, soon=False)  # it starts at the present, and the first look rings for what came since
        while True:
            events: Sequence[Event[Any]] = ()
            failed = False
            try:
                async with self._database.transaction() as session:
                    events = await read_events(session, place, hearer.kinds, _BATCH)
                self._heard_at = time.monotonic()
                if events:
                    async with turn:
                        await hearer.handle(events)
                    place = events[-1].place
                    _HANDLED.labels(hearer.name).inc(len(events))
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self._note_failure(hearer.name, error)
                failed = True
            if failed or len(events) < _BATCH:
                await self._wait(bell, soon=failed)

    def _note_failure(self, name: str, error: Exception) -> None:
        _FAILED.labels(name).inc()
        if isinstance(error, DBAPIError | SQLAlchemyError | psycopg.Error | OSError | Unavailable):
            log.warning("outbox reader could not reach what it needs", reader=name, error=str(error))
        else:
            log.error("outbox reader failed; the same events come again", reader=name, exc_info=error)


async def _notifications(connection: psycopg.AsyncConnection) -> AsyncIterator[psycopg.Notify]:
    """Yields each notification, without end; raises `psycopg.Error` when the connection is lost.

    psycopg's own `notifies()` wakes ten times a second to look for Ctrl-C, which an event loop does not need.
    """
    heard: deque[psycopg.Notify] = deque()
    connection.add_notify_handler(heard.append)  # for those that come with an answer
    asks_seconds = None if connection.info.host.startswith("/") else _ASKS_SECONDS
    while True:
        connection.pgconn.consume_input()
        while (note := connection.pgconn.notifies()) is not None:
            heard.append(psycopg.Notify(note.relname.decode(), note.extra.decode(), note.be_pid))
        while heard:
            yield heard.popleft()
        if not await _readable(connection.fileno(), asks_seconds):
            await _ask(connection)


async def _readable(descriptor: int, seconds: float | None) -> bool:
    """Whether there is something to read; false after so many seconds."""
    readable, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(descriptor, readable.set)
    try:
        async with asyncio.timeout(seconds):
            await readable.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)
    return True


class _Silent(psycopg.OperationalError):
    """The connection stands, and nothing comes through it."""


async def _ask(connection: psycopg.AsyncConnection) -> None:
    try:
        async with asyncio.timeout(_ASKS_SECONDS):
            await connection.execute("SELECT 1")
    except TimeoutError:
        raise _Silent("the listening connection does not answer") from None
