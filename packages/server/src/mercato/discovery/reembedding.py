"""When the embedding model changes, every listing gets a vector of the new one, while searches go on."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import structlog

from mercato.discovery.document import from_facts, pack_vector
from mercato.discovery.indexing import digest_of_embedding
from mercato.discovery.models import ListingRow
from mercato.discovery.news import DocumentChanged
from mercato.discovery.ports import Embedder
from mercato.discovery.repository import ListingRepository
from mercato.platform import Clock, Database, Outbox, Unavailable

log = structlog.get_logger(__name__)

_AT_ONCE = 32
_IDLE_SECONDS = 300.0


class Reembedding:
    """Embeds listings whose vector another model made, or none could be made of. Until its turn comes, such a listing
    is found by its words only. Several workers may run it: they do some work twice, and the first to write wins.
    """

    def __init__(self, database: Database, clock: Clock, outbox: Outbox, embedder: Embedder) -> None:
        self._database = database
        self._clock = clock
        self._outbox = outbox
        self._embedder = embedder

    async def run(self) -> None:
        """Until it is cancelled. Looks every few minutes, since a model may be installed at any time."""
        while True:
            try:
                await self.catch_up()
            except Unavailable as refusal:
                log.info("vectors wait for their model", reason=refusal.detail)
            except Exception as error:
                log.warning("vectors could not be renewed and are tried again", error=str(error))
            await asyncio.sleep(_IDLE_SECONDS)

    async def catch_up(self) -> int:
        """Renew all vectors; returns how many were written. Raises `Unavailable` without the model."""
        written, after = 0, ""
        while True:
            async with self._database.transaction() as session:
                rows = await ListingRepository(session).list_of_other_models(self._embedder.name, after, _AT_ONCE)
            if not rows:
                break
            written += await self._renew(rows)
            after = rows[-1].service_id
        if written:
            log.info("vectors were renewed", listings=written, embedder=self._embedder.name)
        return written

    async def _renew(self, rows: Sequence[ListingRow]) -> int:
        listings = [from_facts(row.facts) for row in rows]
        vectors = await self._embedder.embed([listing.text_to_embed() for listing in listings])
        written = 0
        async with self._database.transaction() as session:
            for row, listing, vector in zip(rows, listings, vectors, strict=True):
                fresh = replace(listing, vector=pack_vector(vector))
                renewed = ListingRow(
                    service_id=row.service_id,
                    vector=fresh.vector,
                    digest=fresh.digest(),
                    embedder=self._embedder.name,
                    embedded_digest=digest_of_embedding(self._embedder, fresh),
                    changed_at=self._clock.now(),
                )
                if await ListingRepository(session).replace_vector(renewed, was=row.digest):
                    written += 1
                    await self._outbox.add(
                        session, DocumentChanged(by="discovery.reembedding", service_id=row.service_id)
                    )
        return written
