"""Feeding the index that all processes share: one worker leads, and no transaction is open while the engine is asked.

What a process that died had written comes again and changes nothing. An engine that is away, full or replaced holds up
no request: what changed waits in the outbox, and an index that lost something is compared with the rows and mended.
"""

import asyncio
from collections.abc import Sequence

import structlog
from prometheus_client import Counter

from mercato.discovery.document import ListingDocument, from_facts
from mercato.discovery.models import ListingRow
from mercato.discovery.news import DocumentChanged, IndexFed, RebuildAsked
from mercato.discovery.ports import Embedder, IndexRefused, IndexUnavailable, SharedIndex
from mercato.discovery.repository import ListingRepository
from mercato.platform import (
    Database,
    LeadLost,
    LeadReader,
    LeadTerms,
    MeasuredGauge,
    Outbox,
    Place,
    Session,
    StillLeads,
    forget_lead_reader,
    read_end,
)

log = structlog.get_logger(__name__)

READER = "discovery.feed"
_BATCH = 200
_LOOKS_SECONDS = 0.25
_LOOKS_PER_CHECK = 60
"""How often an idle feeder asks whether the index is still there."""
_FAILED = Counter("mercato_search_feed_failures_total", "Attempts to feed the shared index that ended; they come again")
_AWAY = MeasuredGauge(
    "mercato_search_feed_away", "1 while the shared search index takes nothing, in the leading worker"
)

Change = DocumentChanged | RebuildAsked
_TERMS: LeadTerms[Change] = LeadTerms(
    name=READER, kinds=(DocumentChanged, RebuildAsked), lock=7_245_110_387, batch=_BATCH, unavailable=IndexUnavailable,
    refused=IndexRefused, longest_pause_seconds=15.0, failures=_FAILED, away=_AWAY,
)  # fmt: skip


class IndexFeeder:
    """To be run by every worker. Vectors of other models than `embedder` stay out of the index."""

    def __init__(self, database: Database, outbox: Outbox, index: SharedIndex, embedder: Embedder) -> None:
        self._database = database
        self._outbox = outbox
        self._index = index
        self._embedder = embedder
        self._reader = LeadReader(database, _TERMS)
        self._anew = False

    async def run(self) -> None:
        """Lead, or wait to lead, until cancelled. An engine or a database that is away is waited for."""
        await self._reader.run(self._lead)

    async def _lead(self, still_leads: StillLeads) -> None:
        """Bring the index up to date, then follow the outbox."""
        if await self._index.open() and not await self._index.is_begun():
            await self._compare_all(still_leads)
        else:
            await self._fill_anew(still_leads)
        looks = 0
        while True:
            heard = await self._hear(still_leads)
            self._reader.note_success()
            if self._anew:
                await self._fill_anew(still_leads)
            elif not heard:
                looks += 1
                if looks % _LOOKS_PER_CHECK == 0 and not await self._index.open():
                    raise IndexUnavailable("The search index is gone; another one is filled.")
                await asyncio.sleep(_LOOKS_SECONDS)

    async def _compare_all(self, still_leads: StillLeads) -> None:
        """Apply what the rows say otherwise than the index, which may have lost its disk."""
        after, brought = "", 0
        while True:
            async with self._database.transaction() as session:
                page = await ListingRepository(session).list_digests(after, _BATCH)
            if not page:
                break
            held = await self._index.find_digests([service_id for service_id, _, _ in page])
            differing = [key for key, digest, gone in page if held.get(key) != (None if gone else digest)]
            await still_leads()
            await self._bring(differing)
            brought, after = brought + len(differing), page[-1][0]
        if brought:
            log.info("the search index was brought up to date", listings=brought)

    async def _fill_anew(self, still_leads: StillLeads) -> None:
        """Write all rows into a new index, which then takes the other's place; changes go into both."""
        await self._skip_to_end()
        await self._index.begin()
        self._anew = False
        after = ""
        while True:
            async with self._database.transaction() as session:
                page = await ListingRepository(session).page(after, _BATCH)
            if not page:
                break
            await still_leads()
            await self._index.fill([self._to_listing(row) for row in page if not row.withdrawn])
            after = page[-1].service_id
            await self._hear(still_leads)
        await still_leads()
        await self._index.finish()
        log.info("the search index was written anew")
        async with self._database.transaction() as session:
            await self._tell(session, await self._reader.find_place(session), anew=True)

    async def _skip_to_end(self) -> None:
        """Where no index is asked: what happened until now is in the rows, which are about to be read."""
        if await self._index.open():
            return
        async with self._database.transaction() as session:
            place = await self._reader.find_place(session)
            await self._reader.pass_place(session, place, await read_end(session))

    async def _hear(self, still_leads: StillLeads) -> int:
        """Bring what changed; how many news there were. Raises `LeadLost` where another process moved the place."""
        place, events = await self._reader.read()
        if not events:
            return 0
        await still_leads()
        if any(isinstance(each.news, RebuildAsked) for each in events):
            self._anew = True
            # Before the place moves: a worker that dies now finds an index that was begun, and fills another one.
            if not await self._index.is_begun():
                await self._index.begin()
        await self._bring(sorted({e.news.service_id for e in events if isinstance(e.news, DocumentChanged)}))
        async with self._database.transaction() as session:
            if not await self._reader.pass_place(session, place, events[-1].place):
                raise LeadLost("another process feeds it")
            await self._tell(session, events[-1].place)
        return len(events)

    async def _tell(self, session: Session, place: Place, *, anew: bool = False) -> None:
        fed = IndexFed(by=READER, transaction=place.transaction, number=place.number, anew=anew)
        await self._outbox.add(session, fed)

    async def _bring(self, service_ids: Sequence[str]) -> None:
        if not service_ids:
            return
        async with self._database.transaction() as session:
            rows = (await ListingRepository(session).find_many(service_ids)).values()
        listed = [self._to_listing(row) for row in rows if not row.withdrawn]
        await self._index.apply(listed, [row.service_id for row in rows if row.withdrawn])

    def _to_listing(self, row: ListingRow) -> ListingDocument:
        """Without a vector while that is another model's: the worker makes a new one (`Reembedding`)."""
        return from_facts(row.facts, row.vector if row.embedder == self._embedder.name else b"")


async def forget_feeder(database: Database) -> None:
    """A marketplace whose processes have indexes of their own keeps no news for a shared one."""
    await forget_lead_reader(database, READER)
