"""The front page: what is here, live figures, and two doors."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request, Response

from mercato.console.routes import page_router
from mercato.console.visit import Anybody
from mercato.edge.wiring import running_of
from mercato_contracts.catalog import CatalogModel, CatalogPage

router = page_router()

_PUBLIC_SECONDS = 30
_NEWEST = 6


@dataclass(frozen=True, slots=True)
class LandingPage:
    """Everything that it shows. `services` is `None` where this process does not serve the catalogue."""

    services: int | None
    is_all: bool
    vendors: int
    newest: Sequence[CatalogModel]


@router.get("/")
async def show_landing(request: Request, visit: Anybody) -> Response:
    """For somebody who has never been here. From memory, as the public catalogue is."""
    pages = running_of(request.app).catalog_pages
    if pages is None:
        page = LandingPage(None, False, 0, [])
    else:
        found = CatalogPage.model_validate(json.loads((await pages.get("")).body))
        newest = sorted(found.items, key=lambda each: each.updated_at, reverse=True)[:_NEWEST]
        vendors = len({each.vendor for each in found.items})
        page = LandingPage(len(found.items), found.next is None, vendors, newest)
    return visit.show("landing.html", page, public_seconds=_PUBLIC_SECONDS)
