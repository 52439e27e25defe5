"""Searches that an organisation keeps."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from mercato.api import discovery
from mercato.discovery import Saved, SavedSearches, Searching
from mercato.edge.caller import SignedIn
from mercato.edge.listing_filters import filters_of
from mercato.edge.names import Called
from mercato.edge.paging import Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato_contracts.saved_searches import (
    SavedSearchFitPage,
    SavedSearchFitView,
    SavedSearchList,
    SavedSearchRequest,
    SavedSearchView,
)

router = APIRouter(prefix="/api/saved-searches", tags=["discovery"], route_class=TransactionalRoute)


def _desk(session: Transaction, parts: Parts) -> SavedSearches:
    return SavedSearches(session, parts.clock, parts.ids, parts.outbox)


Desk = Annotated[SavedSearches, Depends(_desk)]


@router.post("", summary="Keep a search, to hear of services that newly fit")
async def save_search(
    body: SavedSearchRequest,
    caller: SignedIn,
    desk: Desk,
    searching: Annotated[Searching, Depends(discovery.get_searching)],
) -> SavedSearchView:
    """A service fits that passes every filter and has all the words, or is near to them in meaning. It is reported
    once: as the event `saved_search.fitted` of webhooks, in the list of fits, and with `mail` in a letter to the person
    who saves it, at most one a day. What fits already is not reported. Saved again under the same name, it replaces the
    one before; at most 50 of an organisation.
    """
    asked = body.search.model_dump(mode="json", exclude_defaults=True)
    return view_saved(await desk.save(caller, body.name, asked, filters_of(body.search), searching, mail=body.mail))


@router.get("", summary="The searches that your organisation keeps")
async def list_saved_searches(caller: SignedIn, desk: Desk) -> SavedSearchList:
    """By name, each with the number of services it has reported."""
    return SavedSearchList(items=[view_saved(each) for each in await desk.list_all(caller)])


@router.get("/{saved_id}/fits", summary="Services that newly fitted a saved search")
async def list_saved_search_fits(
    saved_id: str,
    caller: SignedIn,
    desk: Desk,
    called: Called,
    before: Annotated[str | None, Query(max_length=64)] = None,
    limit: PageSize = 50,
) -> SavedSearchFitPage:
    """The newest first; each service once, however often it is released."""
    rows = await desk.list_fits(caller, saved_id, before, limit)
    names = await called.services({row.service_id for row in rows})
    items = [
        SavedSearchFitView(
            id=row.id,
            service_id=row.service_id,
            service=names.get(row.service_id, ""),
            version=row.version,
            found_at=row.found_at,
        )
        for row in rows
    ]
    return SavedSearchFitPage(items=items, next=Page.of(rows, limit).next)


@router.delete("/{saved_id}", status_code=204, summary="Forget a saved search")
async def forget_search(saved_id: str, caller: SignedIn, desk: Desk) -> None:
    """With its reports. A repeat is refused as not found."""
    await desk.forget(caller, saved_id)


def view_saved(saved: Saved) -> SavedSearchView:
    row = saved.row
    return SavedSearchView(
        id=row.id,
        name=row.name,
        search=row.asked,
        fits=saved.fits,
        created_by=row.created_by,
        created_at=row.created_at,
        mail_to=row.mail_to,
    )
