"""The public catalogue's pages from memory: the database is asked once in five seconds, not by each reader."""

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.edge.paging import Page
from mercato.platform import Clock, Database
from mercato.publishing import Catalogue
from mercato_contracts.catalog import CatalogPage

FRESH = timedelta(seconds=5)
"""How long a page is answered from memory: what was listed or held meanwhile shows after this time at the latest."""

PAGE = 200
_MOST_PAGES = 100


@dataclass(frozen=True, slots=True)
class StoredPage:
    """A page as it is sent."""

    body: bytes
    etag: str
    at: datetime


class CatalogPages:
    """Pages as bytes with their digests; many who ask at once for one that is not there cause one question."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._pages: OrderedDict[str, StoredPage] = OrderedDict()
        self._lock = asyncio.Lock()

    async def get(self, after: str) -> StoredPage:
        """The page that begins after this id."""
        if (page := self._fresh(after)) is not None:
            return page
        async with self._lock:
            # Whoever held the lock may have brought it.
            page = self._fresh(after)
            return page if page is not None else await self._read(after)

    def _fresh(self, after: str) -> StoredPage | None:
        page = self._pages.get(after)
        return page if page is not None and timedelta(0) <= self._clock.now() - page.at < FRESH else None

    async def _read(self, after: str) -> StoredPage:
        at = self._clock.now()
        async with self._database.transaction() as session:
            items = await Catalogue(session).public_page(after, PAGE)
        answer = CatalogPage(items=items, next=Page.of(items, PAGE).next)
        body = answer.model_dump_json().encode()
        page = StoredPage(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', at)
        self._pages[after] = page
        self._pages.move_to_end(after)
        if len(self._pages) > _MOST_PAGES:
            self._pages.popitem(last=False)
        return page
