"""The public catalogue. Everybody may read it: the database is asked once in five seconds, not by each of them."""

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from mercato.edge.addresses import origin_of
from mercato.edge.paging import Page
from mercato.edge.wiring import Parts, Wiring
from mercato.publishing import Catalogue
from mercato_contracts.catalog import CatalogPage

router = APIRouter(prefix="/api", tags=["discovery"])

FRESH = timedelta(seconds=5)
"""How long a page is answered from memory: what was listed or held meanwhile shows after this time at the latest."""

PAGE = 200
_MOST_PAGES = 100
_FIRST = ""


@dataclass(frozen=True, slots=True)
class _Page:
    body: bytes
    etag: str
    at: datetime


class CatalogPages:
    """Pages as bytes with their digests; many who ask at once for one that is not there cause one question."""

    def __init__(self) -> None:
        self._pages: OrderedDict[str, _Page] = OrderedDict()
        self._lock = asyncio.Lock()

    async def get(self, wiring: Wiring, after: str) -> _Page:
        """The page that begins after this id."""
        if (page := self._fresh(wiring, after)) is not None:
            return page
        async with self._lock:
            # Whoever held the lock may have brought it.
            page = self._fresh(wiring, after)
            return page if page is not None else await self._read(wiring, after)

    def _fresh(self, wiring: Wiring, after: str) -> _Page | None:
        page = self._pages.get(after)
        return page if page is not None and timedelta(0) <= wiring.clock.now() - page.at < FRESH else None

    async def _read(self, wiring: Wiring, after: str) -> _Page:
        at = wiring.clock.now()
        async with wiring.database.transaction() as session:
            items = await Catalogue(session).public_page(after, PAGE)
        told = CatalogPage(items=items, next=Page.of(items, PAGE).next)
        body = told.model_dump_json().encode()
        page = _Page(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', at)
        self._pages[after] = page
        self._pages.move_to_end(after)
        if len(self._pages) > _MOST_PAGES:
            self._pages.popitem(last=False)
        return page


_ETAG = {"ETag": {"description": "The digest of the page", "schema": {"type": "string"}}}


@router.get(
    "/catalog",
    summary="Every listed service, for anybody",
    response_model=CatalogPage,
    responses={
        200: {"headers": _ETAG},
        304: {"description": "Nothing changed since the answer with this `ETag`", "headers": _ETAG},
    },
    openapi_extra={
        "parameters": [{"name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string"}}]
    },
)
async def read_catalog(
    request: Request,
    parts: Parts,
    after: Annotated[str, Query(pattern=r"^(svc_[0-9a-f]{32})?$", description="`next` of the page before")] = _FIRST,
) -> Response:
    """At most 200 services a page, the oldest first, at most five seconds old. Send the `ETag` of the last answer as
    `If-None-Match` to get 304 while nothing changed.
    """
    headers = parts.throttle.take(origin_of(request), parts.clock.now())
    pages: CatalogPages = request.app.state.catalog_pages
    page = await pages.get(parts, after)
    headers |= {"etag": page.etag, "cache-control": "public, max-age=5"}
    if _knows(request.headers.get("if-none-match", ""), page.etag):
        return Response(status_code=304, headers=headers)
    return Response(page.body, media_type="application/json", headers=headers)


def _knows(sent: str, etag: str) -> bool:
    """Whether `If-None-Match` names it. Source: RFC 9110, section 13.1.2 (weak comparison)."""
    named = {each.strip().removeprefix("W/") for each in sent.split(",")}
    return etag in named or "*" in named
