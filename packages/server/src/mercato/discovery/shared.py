"""What a process has of an index that all share: it asks, falls back on the records, and knows how far the index is."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from datetime import datetime

import structlog

from mercato.discovery.checking import Compared, compare_index
from mercato.discovery.document import ListingDocument
from mercato.discovery.feeding import READER
from mercato.discovery.from_rows import answer_from_rows, suggest_from_rows
from mercato.discovery.indexing import IndexState
from mercato.discovery.news import DocumentChanged, IndexFed
from mercato.discovery.ports import (
    Embedder,
    IndexAnswer,
    IndexQuery,
    IndexRefused,
    IndexUnavailable,
    Likeness,
    QueryRefused,
    SearchIndex,
    SharedIndex,
    Suggestion,
)
from mercato.platform import Database, EphemeralSubscriber, Event, Place, read_events, read_place

log = structlog.get_logger(__name__)

_RESTS_SECONDS = 2.0
"""After a failure the records answer for so long before the engine is asked again: nobody else waits for a timeout."""
_BEHIND_SECONDS = 10.0
"""A change that the index lacks for so long makes answers partial."""
_MANY = 50
_FIRST_LOOK = 1_000
_READ_AT_ONCE = 3


class FallingBack:
    """An index, or the records while it does not answer; then answers are marked as partial."""

    def __init__(self, index: SearchIndex, database: Database, now: Callable[[], float] = time.monotonic) -> None:
        self._index = index
        self._database = database
        self._now = now
        self._asks_again_at: float | None = None
        self._turns = 0
        # Reading the records is dear: a crowd of searches must not take every connection of the process.
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)

    @property
    def is_away(self) -> bool:
        """Whether the engine did not answer when it was asked last."""
        return self._asks_again_at is not None

    @property
    def version(self) -> int:
        return self._index.version + self._turns

    async def apply(self, upserts: Sequence[ListingDocument], removals: Collection[str] = ()) -> None:
        await self._index.apply(upserts, removals)

    async def search(self, query: IndexQuery) -> IndexAnswer:
        if self._asks():
            try:
                answer = await self._index.search(query)
            except QueryRefused as error:
                log.error("a search is answered from the records", reason=str(error))
            except IndexUnavailable as error:
                self._note_away(error)
            else:
                self._note_back()
                return answer
        if self._reading.locked():
            return IndexAnswer(
                (), 0, dict.fromkeys(query.facets, ()), steps=dict.fromkeys(query.steps, ()), partial=True
            )
        async with self._reading:
            return await answer_from_rows(self._database, query)

    async def suggest(self, text: str, limit: int, viewer: str | None = None) -> tuple[Suggestion, ...]:
        if self._asks():
            try:
                return await self._index.suggest(text, limit, viewer)
            except IndexUnavailable as error:
                self._note_away(error)
        if self._reading.locked():
            return ()
        async with self._reading:
            return await suggest_from_rows(self._database, text, limit, viewer)

    async def find_similar(self, service_id: str, limit: int, viewer: str | None = None) -> tuple[Likeness, ...]:
        if self._asks():
            try:
                return await self._index.find_similar(service_id, limit, viewer)
            except IndexUnavailable as error:
                self._note_away(error)
        return ()

    async def find_digests(self, service_ids: Sequence[str]) -> dict[str, str]:
        return await self._index.find_digests(service_ids)

    async def list_ids(self, after: str, limit: int) -> tuple[list[str], str]:
        return await self._index.list_ids(after, limit)

    async def close(self) -> None:
        await self._index.close()

    def _asks(self) -> bool:
        """Whether the engine is asked; of many that come while it is away, one tries it every two seconds."""
        if self._asks_again_at is None:
            return True
        if self._now() < self._asks_again_at:
            return False
        self._asks_again_at = self._now() + _RESTS_SECONDS
        return True

    def _note_away(self, error: IndexUnavailable) -> None:
        if self._asks_again_at is None:
            say = log.error if isinstance(error, IndexRefused) else log.warning
            say("searches are answered from the records, by words only", reason=str(error))
            self._turns += 1
        self._asks_again_at = self._now() + _RESTS_SECONDS

    def _note_back(self) -> None:
        if self._asks_again_at is not None:
            log.info("the search index answers again")
            self._asks_again_at = None
            self._turns += 1


class SharedIndexKeeper:
    """Knows how far the shared index is, by the outbox: what changed, and up to where the worker has fed it."""

    def __init__(
        self,
        database: Database,
        index: SharedIndex,
        asked: FallingBack,
        embedder: Embedder,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._index = index
        self._asked = asked
        self._embedder = embedder
        self._now = now
        self._is_open = False
        self._fed = Place(0, 0)
        self._waiting: deque[tuple[Place, float]] = deque()

    @property
    def state(self) -> IndexState:
        """Whether everything that is listed is found."""
        if not self._is_open:
            return "building"
        late = bool(self._waiting) and self._now() - self._waiting[0][1] >= _BEHIND_SECONDS
        return "catching_up" if self._asked.is_away or late or len(self._waiting) >= _MANY else "whole"

    def subscriber(self) -> EphemeralSubscriber[DocumentChanged | IndexFed]:
        """To be run by every process that asks the index."""
        return EphemeralSubscriber("discovery.shared_index", (DocumentChanged, IndexFed), self.handle)

    def is_ready(self) -> bool:
        """At once: without the index the records answer."""
        return True

    async def build(self) -> None:
        """Wait for a whole index. Raises `IndexUnavailable` until there is one, and is then called again."""
        if not await self._index.open():
            raise IndexUnavailable("The search index is not filled yet; a worker with MERCATO_SEARCH_URL fills it.")
        async with self._database.transaction() as session:
            fed = await read_place(session, READER)
            late = await read_events(session, fed, (DocumentChanged,), _FIRST_LOOK)
        self._note_fed(fed)
        known = {place for place, _ in self._waiting}
        earlier = [(each.place, self._now()) for each in late if each.place not in known and self._fed < each.place]
        self._waiting = deque(sorted([*earlier, *self._waiting]))
        self._is_open = True
        self._index.note_change()

    async def handle(self, events: Sequence[Event[DocumentChanged | IndexFed]]) -> None:
        """Note what changed and what was fed."""
        for event in events:
            if isinstance(event.news, IndexFed):
                self._note_fed(Place(event.news.transaction, event.news.number))
                self._index.note_change()
            elif self._fed < event.place:
                self._waiting.append((event.place, self._now()))

    async def compare(self, now: datetime) -> Compared:
        """What the index holds beside the rows."""
        return await compare_index(self._database, self._index, self._embedder.name, now)

    def _note_fed(self, place: Place) -> None:
        self._fed = max(self._fed, place)
        while self._waiting and self._waiting[0][0] <= self._fed:
            self._waiting.popleft()
