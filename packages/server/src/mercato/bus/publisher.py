"""Hands news to the bus, in its order: see `LeadReader` for who does it and what is handed over again.

Whoever lost the lead without knowing it is shut out by the bus itself (`EventBus.open`) and cannot move the place. What
comes again has the same id.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from prometheus_client import Counter

from mercato.bus.kinds import NEWS, make_events
from mercato.bus.ports import BusRefused, BusUnavailable, EventBus
from mercato.metering import UsageRecorded, calls_of_ids
from mercato.platform import (
    Clock,
    Database,
    Event,
    LeadReader,
    LeadTerms,
    MeasuredGauge,
    News,
    Place,
    StillLeads,
    forget_lead_reader,
)

READER = "bus"
_BATCH = 100
"""News handed over at once; a batch of calls is one piece of news, and stays whole."""
_GATHERS_SECONDS = 5.0
"""News waits this long for more."""
_LOOKS_SECONDS = 1.0
_PUBLISHED = Counter("mercato_bus_events_total", "Events that the bus confirmed")
_FAILED = Counter("mercato_bus_failures_total", "Attempts that the bus or the database ended; they are made again")
_AWAY = MeasuredGauge(
    "mercato_bus_away", "1 while the bus does not confirm what it is given, in the process that leads"
)
_TERMS: LeadTerms[News] = LeadTerms(
    name=READER, kinds=NEWS, lock=7_245_110_386, batch=_BATCH, unavailable=BusUnavailable, refused=BusRefused,
    longest_pause_seconds=30.0, failures=_FAILED, away=_AWAY,
)  # fmt: skip


class BusPublisher:
    """To be run by every worker."""

    def __init__(
        self, database: Database, clock: Clock, bus: EventBus, *, gathers_seconds: float = _GATHERS_SECONDS
    ) -> None:
        self._database = database
        self._clock = clock
        self._bus = bus
        self._gathers_seconds = gathers_seconds
        self._reader = LeadReader(database, _TERMS)

    async def run(self) -> None:
        """Lead, or wait to lead, until cancelled. A bus or a database that is away is waited for."""
        await self._reader.run(self._lead)

    async def _lead(self, still_leads: StillLeads) -> None:
        """Hand over batch after batch; ends where another process has moved the place."""
        try:
            await self._bus.open()
            self._reader.note_success()
            while await self._hand_over_next(still_leads):
                pass
        finally:
            await self._bus.close()

    async def _hand_over_next(self, still_leads: StillLeads) -> bool:
        await still_leads()
        place, events = await self._reader.read()
        if not events:
            await asyncio.sleep(_LOOKS_SECONDS)
            return True
        missing = self._gathers_seconds - (self._clock.now() - events[0].at).total_seconds()
        if len(events) < _BATCH and missing > 0:
            await asyncio.sleep(min(missing, self._gathers_seconds))
            await still_leads()
            place, events = await self._reader.read()
        return not events or await _whole(self._hand_over(place, events))

    async def _hand_over(self, place: Place, events: Sequence[Event[Any]]) -> bool:
        called = [call for each in events if isinstance(each.news, UsageRecorded) for call in each.news.event_ids]
        async with self._database.transaction() as session:
            calls = await calls_of_ids(session, called)
        made = make_events(events, {call.id: call for call in calls})
        if made:
            await self._bus.publish(made)
        async with self._database.transaction() as session:
            has_moved = await self._reader.pass_place(session, place, events[-1].place)
        _PUBLISHED.inc(len(made))
        self._reader.note_success()
        return has_moved


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
    await forget_lead_reader(database, READER)
