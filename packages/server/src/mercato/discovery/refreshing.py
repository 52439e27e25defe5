"""Rewrites rows from before listings had all of today's fields, a few at a time."""

from dataclasses import replace

from mercato.discovery.describing import SHAPE, describe
from mercato.discovery.figure_rows import FigureRepository
from mercato.discovery.figures import shown
from mercato.discovery.news import DocumentChanged
from mercato.discovery.repository import ListingRepository
from mercato.platform import Clock, Outbox, Session
from mercato.publishing import Catalogue

_AT_ONCE = 200
_WRITER = "discovery.refresh"


async def refresh_listings(session: Session, clock: Clock, outbox: Outbox) -> int:
    """Bring the rows of an older shape up to date; their vectors stay. Returns how many were looked at."""
    rows = ListingRepository(session)
    found = await rows.lock_many(await rows.list_older(SHAPE, _AT_ONCE))
    figures, catalogue = await FigureRepository(session).find_many(found), Catalogue(session)
    for service_id, row in found.items():
        row.shape = SHAPE
        listing = await catalogue.listing(service_id)
        if listing is None:
            # Its withdrawal is news, which the writer of rows hears.
            continue
        document = replace(describe(listing, shown(figures.get(service_id))), vector=row.vector)
        row.facts, row.digest, row.changed_at = document.to_facts(), document.digest(), clock.now()
        await outbox.add(session, DocumentChanged(by=_WRITER, service_id=service_id))
    return len(found)
