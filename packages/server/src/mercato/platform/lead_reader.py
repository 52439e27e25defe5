"""A durable reader of the outbox that feeds a system outside, in one process of the marketplace at a time.

A slow or unreachable system holds up nothing: no request waits for it, and no transaction is open while it is asked.
What was handed over when a process died is handed over again by the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog
from prometheus_client import Counter

from mercato.platform.database import Database, Session
from mercato.platform.leading import LeadLost, leading
from mercato.platform.measured import MeasuredGauge
from mercato.platform.news import News
from mercato.platform.outbox import Event, Place, forget_reader, pass_place, read_events, read_place

log = structlog.get_logger(__name__)

_FIRST_PAUSE_SECONDS = 0.5
_N = TypeVar("_N", bound=News)
StillLeads = Callable[[], Awaitable[None]]
"""Raises `LeadLost` where this process no longer leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadTerms(Generic[_N]):
    """What a `LeadReader` reads, and how it fares where what it feeds is away."""

    name: str
    """Its place is stored under this name, which must never change."""
    kinds: tuple[type[_N], ...]
    lock: int
    """The number of the advisory lock that the leading process holds."""
    batch: int
    """How many pieces of news are read at once."""
    unavailable: type[Exception]
    """What the system outside raises while it takes nothing."""
    refused: type[Exception]
    """What it raises where waiting does not help and a person must look."""
    longest_pause_seconds: float
    failures: Counter
    away: MeasuredGauge
    """1 while it takes nothing, 0 while it does; no sample in processes that do not lead."""


class LeadReader(Generic[_N]):
    """To be run by every worker; one of them reads."""

    def __init__(self, database: Database, terms: LeadTerms[_N]) -> None:
        self._database = database
        self._terms = terms
        self._pause = _FIRST_PAUSE_SECONDS

    async def run(self, lead: Callable[[StillLeads], Awaitable[None]]) -> None:
        """Call `lead` when this process leads, and again after a pause when it ended or failed, until cancelled."""
        while True:
            try:
                async with leading(self._database, self._terms.lock, stands_by=self._stand_by) as still_leads:
                    await lead(still_leads)
            except LeadLost as error:
                self._terms.failures.inc()
                self._stand_by()
                log.warning("a reader of news lost the lead", reader=self._terms.name, error=str(error))
            except Exception as error:
                self._note_failure(error)
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, self._terms.longest_pause_seconds)

    def note_success(self) -> None:
        """What is fed takes news: the next failure is tried again soon."""
        self._terms.away.set(0)
        self._pause = _FIRST_PAUSE_SECONDS

    async def read(self, after: Place | None = None) -> tuple[Place, list[Event[_N]]]:
        """The place, and the next news after it, or after `after` where that is further on."""
        async with self._database.transaction() as session:
            place = await read_place(session, self._terms.name)
            begin = place if after is None else max(place, after)
            return place, await read_events(session, begin, self._terms.kinds, self._terms.batch)

    async def pass_place(self, session: Session, before: Place, after: Place) -> bool:
        """Move the place with this transaction; false where another process has moved it from `before`."""
        return await pass_place(session, self._terms.name, before, after)

    async def find_place(self, session: Session) -> Place:
        """Everything up to here was handed over."""
        return await read_place(session, self._terms.name)

    def _stand_by(self) -> None:
        """Another process leads and knows how it is: a last failure of this one would stay an alert for ever."""
        self._terms.away.replace({})

    def _note_failure(self, error: Exception) -> None:
        self._terms.failures.inc()
        self._terms.away.set(1)
        if isinstance(error, self._terms.unavailable):
            say = log.error if isinstance(error, self._terms.refused) else log.warning
            say(
                "what a reader of news feeds takes nothing; news waits",
                reader=self._terms.name, reason=str(error), again_in_seconds=self._pause,
            )  # fmt: skip
        else:
            log.error("a reader of news failed; the same news comes again", reader=self._terms.name, exc_info=error)


async def forget_lead_reader(database: Database, name: str) -> None:
    """A marketplace that does not run this reader keeps no news for it."""
    async with database.transaction() as session:
        await forget_reader(session, name)
