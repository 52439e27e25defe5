"""The public catalogue. Everybody may read it, from memory (`edge/catalog_pages.py`)."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from mercato.edge.addresses import origin_of
from mercato.edge.wiring import Parts, running_of
from mercato_contracts.catalog import CatalogPage

router = APIRouter(prefix="/api", tags=["discovery"])

_FIRST = ""

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
    pages = running_of(request.app).catalog_pages
    assert pages is not None, "the role of publishing serves them"
    page = await pages.get(after)
    headers |= {"etag": page.etag, "cache-control": "public, max-age=5"}
    if _knows(request.headers.get("if-none-match", ""), page.etag):
        return Response(status_code=304, headers=headers)
    return Response(page.body, media_type="application/json", headers=headers)


def _knows(sent: str, etag: str) -> bool:
    """Whether `If-None-Match` names it. Source: RFC 9110, section 13.1.2 (weak comparison)."""
    named = {each.strip().removeprefix("W/") for each in sent.split(",")}
    return etag in named or "*" in named
