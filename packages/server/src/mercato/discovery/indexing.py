"""Feeding the index: publishing's news becomes rows (once, in the worker), rows become the index (in every process)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Literal

import structlog

from mercato.discovery.checking import Compared, compare_index, find_unknown
from mercato.discovery.cosine_scale import ScaleOf
from mercato.discovery.describing import SHAPE, describe
from mercato.discovery.document import ListingDocument, from_facts, pack_vector
from mercato.discovery.figure_rows import FigureRepository
from mercato.discovery.figures import shown
from mercato.discovery.models import ListingRow
from mercato.discovery.news import DocumentChanged, RebuildAsked
from mercato.discovery.ports import CosineScale, Embedder, SearchIndex
from mercato.discovery.repository import ListingRepository
from mercato.discovery.telling import FitTeller
from mercato.platform import (
    Clock,
    Database,
    DurableSubscriber,
    EphemeralSubscriber,
    Event,
    Ids,
    Outbox,
    Session,
    SystemIds,
    Unavailable,
)
from mercato.publishing import Catalogue, ServiceChanged, ServiceReleased, ServiceWithdrawn

log = structlog.get_logger(__name__)

ServiceNews = ServiceReleased | ServiceChanged | ServiceWithdrawn
_WRITER = "discovery.documents"
_PAGE = 500
_MANY = 50
"""Fewer changes are there in a moment."""


def digest_of_embedding(embedder: Embedder, listing: ListingDocument) -> str:
    """A fingerprint of the listing's text and of the model that reads it."""
    return sha256(f"{embedder.name}\n{listing.text_to_embed()}".encode("utf-8", "replace")).hexdigest()


class DocumentWriter:
    """Turns publishing's news into rows. Runs in one process at a time; the same news twice changes nothing."""

    def __init__(self, embedder: Embedder, clock: Clock, outbox: Outbox, ids: Ids | None = None) -> None:
        self._embedder = embedder
        self._scale = ScaleOf(embedder)
        self._clock = clock
        self._outbox = outbox
        self._ids = ids or SystemIds(clock)

    def subscriber(self) -> DurableSubscriber[ServiceNews]:
        """To be run by the worker's feed."""
        return DurableSubscriber(_WRITER, (ServiceReleased, ServiceChanged, ServiceWithdrawn), self.handle)

    async def handle(self, session: Session, events: Sequence[Event[ServiceNews]]) -> None:
        """Bring the rows of these events' services up to date."""
        service_ids = sorted({event.news.service_id for event in events})
        rows = ListingRepository(session)
        # Locked before anything is read: figures that are written meanwhile must not be undone.
        known = await rows.lock_many(service_ids)
        listings = await self._read(session, service_ids)
        changed = [one for one in listings.values() if not self._is_up_to_date(known.get(one.service_id), one)]
        before = {key: from_facts(row.facts, row.vector) for key, row in known.items() if not row.withdrawn}
        written = await self._to_rows(changed, known)
        changes = [(before.get(row.service_id), from_facts(row.facts, row.vector)) for row in written]
        for row in written:
            await rows.save(row)
            await self._outbox.add(session, DocumentChanged(by=_WRITER, service_id=row.service_id))
        for service_id, row in known.items():
            if service_id not in listings and not row.withdrawn:
                row.withdrawn, row.changed_at = True, self._clock.now()
                await self._outbox.add(session, DocumentChanged(by=_WRITER, service_id=service_id))
        scale = await self._read_scale() if changes else None
        await FitTeller(session, self._clock, self._ids, self._outbox, self._embedder.name, scale).tell(changes)

    async def _read(self, session: Session, service_ids: Sequence[str]) -> dict[str, ListingDocument]:
        catalogue = Catalogue(session)
        found = [await catalogue.listing(service_id) for service_id in service_ids]
        figures = await FigureRepository(session).find_many(service_ids)
        return {
            one.service.id: describe(one, shown(figures.get(one.service.id)))
            for one in found
            # What was yanked altogether cannot be called.
            if one is not None and any(release.status != "yanked" for release in one.releases)
        }

    def _is_up_to_date(self, row: ListingRow | None, listing: ListingDocument) -> bool:
        if row is None or row.withdrawn or row.shape != SHAPE or row.facts != listing.to_facts():
            return False
        return self._has_vector(row, listing)

    async def _to_rows(self, listings: Sequence[ListingDocument], known: dict[str, ListingRow]) -> list[ListingRow]:
        fresh = [one for one in listings if not self._has_vector(known.get(one.service_id), one)]
        vectors = {service_id: row.vector for service_id, row in known.items()}
        vectors |= dict(zip((one.service_id for one in fresh), await self._embed(fresh), strict=True))
        return [self._to_row(replace(one, vector=vectors[one.service_id])) for one in listings]

    def _to_row(self, listing: ListingDocument) -> ListingRow:
        return ListingRow(
            service_id=listing.service_id,
            facts=listing.to_facts(),
            digest=listing.digest(),
            embedder=self._embedder.name if listing.vector else "",
            embedded_digest=digest_of_embedding(self._embedder, listing) if listing.vector else "",
            vector=listing.vector,
            withdrawn=False,
            shape=SHAPE,
            changed_at=self._clock.now(),
        )

    def _has_vector(self, row: ListingRow | None, listing: ListingDocument) -> bool:
        return row is not None and row.embedded_digest == digest_of_embedding(self._embedder, listing)

    async def _read_scale(self) -> CosineScale | None:
        try:
            return await self._scale.read()
        except Unavailable:
            return None

    async def _embed(self, listings: Sequence[ListingDocument]) -> list[bytes]:
        try:
            vectors = await self._embedder.embed([listing.text_to_embed() for listing in listings])
            return [pack_vector(vector) for vector in vectors]
        except Unavailable as refusal:
            # Words are found without vectors; the next news of the listing tries again.
            log.warning("listings are indexed by their words only", listings=len(listings), reason=refusal.detail)
            return [b""] * len(listings)


IndexState = Literal["building", "catching_up", "whole"]
"""`building` at the start, when much is still missing; `catching_up` while an index is written again, or is behind."""


class IndexKeeper:
    """Keeps one process's index like the rows. Vectors of other models than `embedder` stay out of it."""

    def __init__(self, database: Database, index: SearchIndex, embedder: Embedder) -> None:
        self._database = database
        self._index = index
        self._embedder = embedder
        self._bringing = asyncio.Lock()
        self._ready = False
        self._behind = False

    @property
    def state(self) -> IndexState:
        """Whether everything that is listed is found."""
        if not self._ready:
            return "building"
        return "catching_up" if self._behind else "whole"

    def subscriber(self) -> EphemeralSubscriber[DocumentChanged | RebuildAsked]:
        """To be run by every process that holds an index: first the feed, then `build`, so that no news is lost."""
        return EphemeralSubscriber("discovery.index", (DocumentChanged, RebuildAsked), self.handle)

    def is_ready(self) -> bool:
        """Whether the index was built."""
        return self._ready

    async def build(self, *, anew: bool = False, pause_seconds: float = 0.0) -> None:
        """Compare the index with all rows and apply what differs, or everything; may be run at any time. It rests this
        long after each page."""
        after = ""
        while True:
            async with self._database.transaction() as session:
                page = await ListingRepository(session).list_digests(after, _PAGE)
            if not page:
                break
            held = {} if anew else await self._index.find_digests([service_id for service_id, _, _ in page])
            wanted = {service_id: None if withdrawn else digest for service_id, digest, withdrawn in page}
            differing = [key for key, digest in wanted.items() if anew or held.get(key) != digest]
            await self._bring(differing)
            after = page[-1][0]
            await asyncio.sleep(pause_seconds)
        if anew:
            await self._forget_unknown()
        self._ready = True

    async def _forget_unknown(self) -> None:
        """What has no row is not found any more. Rows are never removed, so nothing that is on its way is forgotten."""
        async with self._bringing:
            unknown = await find_unknown(self._database, self._index)
            if unknown:
                await self._index.apply([], unknown)

    async def handle(self, events: Sequence[Event[DocumentChanged | RebuildAsked]]) -> None:
        """Bring what these events speak of. While a large batch is brought the index is behind, and where it could not
        be brought until it comes again."""
        self._behind = self._behind or len(events) >= _MANY
        try:
            if any(isinstance(event.news, RebuildAsked) for event in events):
                self._behind = True
                await self.build(anew=True)
                log.info("the search index was written again")
            else:
                await self._bring(sorted({e.news.service_id for e in events if isinstance(e.news, DocumentChanged)}))
        except BaseException:
            self._behind = True
            raise
        self._behind = False

    async def compare(self, now: datetime) -> Compared:
        """The index compared with the rows."""
        return await compare_index(self._database, self._index, self._embedder.name, now)

    async def _bring(self, service_ids: Sequence[str]) -> None:
        if not service_ids:
            return
        # Reading and applying go together: what was read earlier must not be applied over what was read later.
        async with self._bringing:
            async with self._database.transaction() as session:
                rows = (await ListingRepository(session).find_many(service_ids)).values()
            listed = [from_facts(row.facts, self._vector_of(row)) for row in rows if not row.withdrawn]
            await self._index.apply(listed, [row.service_id for row in rows if row.withdrawn])

    def _vector_of(self, row: ListingRow) -> bytes:
        """Empty while the vector is another model's: the worker makes a new one (`Reembedding`)."""
        return row.vector if row.embedder == self._embedder.name else b""
