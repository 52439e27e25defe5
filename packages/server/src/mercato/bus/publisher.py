"""Hands news to the bus, in its order and outside any transaction.

A slow or unreachable bus holds up nothing: no request waits for it, and no transaction is open while it is asked. One
process leads at a time, which a lock of the database session says; whoever lost that session is shut out by the bus
itself (`EventBus.open`) and cannot move the place. What was handed over when a process died comes again under the same
id.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import structlog
from prometheus_client import Counter

from mercato.bus.kinds import NEWS, make_events
from mercato.bus.ports import BusUnavailable, EventBus
from mercato.metering import UsageRecorded, calls_of_ids
from mercato.platform import (
    Clock,
    Database,
    Event,
    LeadLost,
    MeasuredGauge,
    Place,
    forget_reader,
    leading,
    pass_place,
    read_events,
    read_place,
)

log = structlog.get_logger(__name__)

READER = "bus"
_BATCH = 100
"""News handed over at once; a batch of calls is one piece of news, and stays whole."""
_GATHERS_SECONDS = 5.0
"""News waits this long for more."""
_LOOKS_SECONDS = 1.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 30.0
_LOCK = 7_245_110_386
"""The advisory lock of the process that leads."""
_PUBLISHED = Counter("mercato_bus_events_total", "Events that the bus confirmed")
_FAILED = Counter("mercato_bus_failures_total", "Attempts that the bus or the database ended; they are made again")
_AWAY = MeasuredGauge(
    "mercato_bus_away", "1 while the bus does not confirm what it is given, in the process that leads"
)


class BusPublisher:
    """To be run by every worker."""

    def __init__(
        self, database: Database, clock: Clock, bus: EventBus, *, gathers_seconds: float = _GATHERS_SECONDS
    ) -> None:
        self._database = database
        self._clock = clock
        self._bus = bus
        self._gathers_seconds = gathers_seconds
        self._pause = _FIRST_PAUSE_SECONDS

    async def run(self) -> None:
        """Lead, or wait to lead, until cancelled. A bus or a database that is away is waited for."""
        while True:
            try:
                async with leading(self._database, _LOCK) as still_leads:
                    await self._lead(still_leads)
            except LeadLost as error:
                _FAILED.inc()
                _AWAY.replace({})
                log.warning("the bus's publisher lost the database", error=str(error))
            except BusUnavailable as error:
                _FAILED.inc()
                _AWAY.set(1)
                log.warning("the bus takes no events; they wait", error=str(error), again_in_seconds=self._pause)
            except Exception as error:
                _FAILED.inc()
                _AWAY.set(1)
                log.error("the bus's publisher failed; the same events come again", exc_info=error)
            finally:
                await self._bus.close()
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)

    async def _lead(self, still_leads: Callable[[], Awaitable[None]]) -> None:
        """Hand over batch after batch; ends where another process has moved the place."""
        await self._bus.open()
        _AWAY.set(0)
        while True:
            await still_leads()
            place, events = await self._read()
            if not events:
                await asyncio.sleep(_LOOKS_SECONDS)
                continue
            missing = self._gathers_seconds - (self._clock.now() - events[0].at).total_seconds()
            if len(events) < _BATCH and missing > 0:
                await asyncio.sleep(min(missing, self._gathers_seconds))
                await still_leads()
                place, events = await self._read()
            if events and not await _whole(self._hand_over(place, events)):
                return

    async def _hand_over(self, place: Place, events: Sequence[Event[Any]]) -> bool:
        called = [call for each in events if isinstance(each.news, UsageRecorded) for call in each.news.event_ids]
        async with self._database.transaction() as session:
            calls = await calls_of_ids(session, called)
        made = make_events(events, {call.id: call for call in calls})
        if made:
            await self._bus.publish(made)
        async with self._database.transaction() as session:
            has_moved = await pass_place(session, READER, place, events[-1].place)
        _PUBLISHED.inc(len(made))
        _AWAY.set(0)
        self._pause = _FIRST_PAUSE_SECONDS
        return has_moved

    async def _read(self) -> tuple[Place, list[Event[Any]]]:
        async with self._database.transaction() as session:
            place = await read_place(session, READER)
            return place, await read_events(session, place, NEWS, _BATCH)


async def _whole(work: Coroutine[Any, Any, bool]) -> bool:
    """Let it end before a cancellation goes on, so that an orderly stop hands nothing over twice."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


async def forget_publisher(database: Database) -> None:
    """A marketplace without a bus keeps no news for it."""
    async with database.transaction() as session:
        await forget_reader(session, READER)
