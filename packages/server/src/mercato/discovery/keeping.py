"""Keeps this machine's index on disk like the rows: opens it, catches it up from the news, fills it after damage."""

import asyncio
from collections.abc import Sequence

import structlog

from mercato.discovery.document import ListingDocument, from_facts
from mercato.discovery.indexing import IndexKeeper, IndexState
from mercato.discovery.models import ListingRow
from mercato.discovery.news import DocumentChanged, RebuildAsked
from mercato.discovery.ports import Embedder, IndexUnavailable, KeptIndex
from mercato.discovery.repository import ListingRepository
from mercato.platform import Database, Event, Place, reaches_back, read_end, read_events

log = structlog.get_logger(__name__)

_LOOKS_SECONDS = 1.0
_FILLED_AT_ONCE = 2_000
_HEARD_AT_ONCE = 1_000
_COMPARES_AGAIN_SECONDS = 60.0
_PAUSE_SECONDS = 0.02
"""Between two pages of the comparison that no search waits for."""


class KeptIndexKeeper(IndexKeeper):
    """To be run by every process with an index of its machine. What another process writes is only waited for."""

    def __init__(
        self, database: Database, index: KeptIndex, embedder: Embedder, *, looks_seconds: float = _LOOKS_SECONDS
    ) -> None:
        super().__init__(database, index, embedder)
        self._kept = index
        self._looks_seconds = looks_seconds
        self._mark: str | None = None
        self._turn = asyncio.Lock()
        self._is_caught_up = False
        self._wrote = False
        self._is_compared = False

    @property
    def state(self) -> IndexState:
        """Whether everything that is listed is found."""
        return super().state if self._kept.is_open and self._is_caught_up else "building"

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._compare_once())
            while True:
                try:
                    await self.look()
                except IndexUnavailable as error:
                    log.error("the search index cannot be kept; it is tried again", reason=str(error))
                await asyncio.sleep(self._looks_seconds)

    async def look(self) -> None:
        """Do what there is to do. Raises `IndexUnavailable`."""
        async with self._turn:
            is_open = await self._open()
            if self._kept.writes and (not is_open or self._kept.is_worn):
                await self._fill(anew=is_open)
                is_open = True
            if is_open and not self._is_caught_up:
                await self._catch_up()
            self._ready = self._ready or self._is_caught_up

    async def build(self, *, anew: bool = False, pause_seconds: float = 0.0) -> None:
        """Open the index, then compare it with all rows as an index in memory is."""
        await self.look()
        await super().build(anew=anew, pause_seconds=pause_seconds)

    async def handle(self, events: Sequence[Event[DocumentChanged | RebuildAsked]]) -> None:
        """Bring what these events speak of. What comes before the index is open is in the rows that it is filled with,
        or in the log from which it is caught up."""
        async with self._turn:
            if not self._is_caught_up:
                return
            if not any(isinstance(event.news, RebuildAsked) for event in events):
                await super().handle(events)
            elif self._kept.writes:
                await self._rebuild()
            await self._kept.keep_place(events[-1].place)

    async def _open(self) -> bool:
        is_open = await self._kept.look(await self._read_mark())
        if not is_open or self._kept.writes != self._wrote:
            # Whoever becomes the writer does not know what the one before it had not done.
            self._is_caught_up = False
        self._wrote = self._kept.writes
        return is_open

    async def _read_mark(self) -> str:
        if self._mark is None:
            async with self._database.transaction() as session:
                self._mark = f"{await ListingRepository(session).identify_records()} {self._embedder.name}"
        return self._mark

    async def _rebuild(self) -> None:
        self._behind = True
        await self._fill(anew=True)
        await self._catch_up()
        self._behind = False

    async def _fill(self, *, anew: bool) -> None:
        """Write all rows into a new index, which then takes the other's place; a build that was begun goes on."""
        async with self._database.transaction() as session:
            end = await read_end(session)
        after, _ = await self._kept.begin(end, anew=anew)
        if after:
            log.info("a search index that was begun is filled further", after=after)
        while page := await self._page(after):
            listings = [self._to_listing(row) for row in page if not row.withdrawn]
            after = page[-1].service_id
            await self._kept.fill(listings, after)
            await self._kept.look(await self._read_mark())
        await self._kept.finish()
        self._is_caught_up, self._is_compared = False, True
        log.info("the search index was written anew")

    async def _page(self, after: str) -> list[ListingRow]:
        async with self._database.transaction() as session:
            return await ListingRepository(session).page(after, _FILLED_AT_ONCE)

    def _to_listing(self, row: ListingRow) -> ListingDocument:
        return from_facts(row.facts, self._vector_of(row))

    async def _catch_up(self) -> None:
        """Bring what happened since the index was kept; what another process writes, it catches up itself."""
        if self._kept.writes:
            place = await self._kept.kept_place()
            async with self._database.transaction() as session:
                end = await read_end(session)
                knows = place <= end and await reaches_back(session, place)
            if knows:
                if await self._hear_from(place):
                    await self._fill(anew=False)
                    await self._hear_from(await self._kept.kept_place())
            else:
                await super().build()
                self._is_compared = True
                await self._kept.keep_place(end)
        self._is_caught_up = True

    async def _hear_from(self, place: Place) -> bool:
        """Whether a rebuild was asked for meanwhile; then nothing else was done from there on."""
        while True:
            async with self._database.transaction() as session:
                events = await read_events(session, place, (DocumentChanged, RebuildAsked), _HEARD_AT_ONCE)
            if not events:
                return False
            if any(isinstance(event.news, RebuildAsked) for event in events):
                return True
            await self._bring(sorted({e.news.service_id for e in events if isinstance(e.news, DocumentChanged)}))
            place = events[-1].place
            await self._kept.keep_place(place)

    async def _compare_once(self) -> None:
        """Compare an index that was only caught up, some time after the start: a database may have been set back to an
        earlier day."""
        while not self._is_compared:
            await asyncio.sleep(_COMPARES_AGAIN_SECONDS)
            try:
                if self._is_caught_up and self._kept.writes and not self._is_compared:
                    await super().build(pause_seconds=_PAUSE_SECONDS)
                    self._is_compared = True
            except IndexUnavailable as error:
                log.warning("the search index could not be compared; it is tried again", reason=str(error))
