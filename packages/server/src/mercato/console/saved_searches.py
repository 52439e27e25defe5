"""Searches that an organisation keeps, what newly fitted each, and what people found of a result."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, get_origin
from urllib.parse import parse_qsl, urlencode

from fastapi import Depends, Query, Request, Response

from mercato.api import feedback as feedback_api
from mercato.api import saved_searches as api
from mercato.api.discovery import get_searching
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.search_words import TITLES, words_of
from mercato.console.visit import SignedIn, Visit
from mercato.discovery import Searching
from mercato.edge.wiring import Transaction
from mercato.identity import Actors, Permission
from mercato.platform import NotFound, Refusal, Session
from mercato_contracts.discovery import ListingFilters
from mercato_contracts.feedback import FeedbackRequest
from mercato_contracts.saved_searches import (
    SavedSearchFitPage,
    SavedSearchList,
    SavedSearchRequest,
    SavedSearchView,
)

router = page_router()
_LONGEST_SEARCH = 4_000


@dataclass(frozen=True, slots=True)
class SavedLine:
    """One of them: its filters in words, and where a click searches for it now."""

    saved: SavedSearchView
    filters: Sequence[tuple[str, str]]
    address: str
    by: str
    mail_to: str


@dataclass(frozen=True, slots=True)
class SavedSearchesPage:
    """All of the organisation, and the form of one that is being saved."""

    lines: Sequence[SavedLine]
    may_write: bool
    name: str = ""
    search: str = ""
    asked: Sequence[tuple[str, str]] = ()
    by_mail: bool = False


@dataclass(frozen=True, slots=True)
class SavedSearchPage:
    """One, and the services that newly fitted it."""

    line: SavedLine
    found: SavedSearchFitPage
    may_write: bool
    search: str
    first: str
    next: str


@dataclass(frozen=True, slots=True)
class FeedbackGivenPage:
    """The verdicts, and the results that they are about."""

    given: FeedbackRequest
    back: str


@router.get("/saved-searches")
async def show_saved_searches(
    visit: SignedIn,
    session: Transaction,
    found: Annotated[SavedSearchList, Depends(api.list_saved_searches)],
    search: Annotated[str, Query(max_length=_LONGEST_SEARCH)] = "",
) -> Response:
    """By name, each with how much newly fitted. `search`: the query of a search's address, to be saved."""
    return visit.show("saved_searches.html", await _page(visit, session, found, search=search))


@router.post("/saved-searches")
async def save_search(
    request: Request,
    visit: SignedIn,
    session: Transaction,
    desk: api.Desk,
    searching: Annotated[Searching, Depends(get_searching)],
) -> Response:
    """Words and filters come as the address of the search has them."""
    form = await Form.of(request)
    search = form.get("search")[:_LONGEST_SEARCH]
    try:
        asked = _asked_of(search)
        body = as_request(SavedSearchRequest, name=form.find("name"), search=asked, mail=form.has("mail"))
        saved = await api.save_search(body, visit.caller, desk, searching)
    except Refusal as refusal:
        found = await api.list_saved_searches(visit.caller, desk)
        page = await _page(visit, session, found, form.get("name")[:63], search)
        return visit.show("saved_searches.html", replace(page, by_mail=form.has("mail")), refusal=refusal)
    visit.made(saved.id)
    return visit.go("/saved-searches")


@router.get("/saved-searches/{saved_id}")
async def show_saved_search(
    saved_id: str,
    visit: SignedIn,
    session: Transaction,
    found: Annotated[SavedSearchList, Depends(api.list_saved_searches)],
    fits: Annotated[SavedSearchFitPage, Depends(api.list_saved_search_fits)],
) -> Response:
    """What newly fitted it, the newest first."""
    saved = next((each for each in found.items if each.id == saved_id), None)
    if saved is None:
        raise NotFound(f"Your organisation has no saved search {saved_id[:64]}.")
    (line,) = await _lines(session, [saved])
    may_write = visit.caller.may(Permission.SUBSCRIPTIONS_WRITE)
    search = line.address.partition("?")[2]
    page = SavedSearchPage(line, fits, may_write, search, visit.here.first(), visit.here.on("before", fits.next))
    return visit.show("saved_search.html", page)


@router.post("/saved-searches/{saved_id}/forget")
async def forget_search(saved_id: str, visit: SignedIn, desk: api.Desk) -> Response:
    """With its reports."""
    await api.forget_search(saved_id, visit.caller, desk)
    return visit.go("/saved-searches")


@router.post("/search/feedback")
async def give_feedback(request: Request, visit: SignedIn, desk: feedback_api.Desk) -> Response:
    """What somebody found of one result. A browser with scripts shows the thanks in place of the question."""
    form = await Form.of(request)
    names = ("query", "service", "position", "verdict")
    body = as_request(FeedbackRequest, **{name: form.find(name) for name in names})
    await feedback_api.give_feedback(body, visit.caller, desk)
    back = urlencode(parse_qsl(form.get("here")[:_LONGEST_SEARCH]))
    return visit.show("feedback_given.html", FeedbackGivenPage(body, f"/search?{back}"))


async def _page(
    visit: Visit, session: Session, found: SavedSearchList, name: str = "", search: str = ""
) -> SavedSearchesPage:
    return SavedSearchesPage(
        lines=await _lines(session, found.items),
        may_write=visit.caller.may(Permission.SUBSCRIPTIONS_WRITE),
        name=name,
        search=search,
        asked=_in_words(_asked_of(search)),
    )


async def _lines(session: Session, items: Sequence[SavedSearchView]) -> list[SavedLine]:
    people = await Actors(session).find({who for each in items for who in (each.created_by, each.mail_to) if who})

    def name_of(actor: str) -> str:
        return people[actor].name if actor in people else actor

    return [
        SavedLine(
            saved=each,
            filters=_in_words(each.search),
            address=f"/search?{urlencode(each.search, doseq=True)}",
            by=name_of(each.created_by),
            mail_to=name_of(each.mail_to) if each.mail_to else "",
        )
        for each in items
    ]


def _asked_of(search: str) -> dict[str, Any]:
    """The words and filters in the query of a search's address; what only orders or pages is left out."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(search):
        field = ListingFilters.model_fields.get(name)
        if field is None:
            continue
        if get_origin(field.annotation) is list:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def _in_words(asked: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each filter as the page of the search calls it."""
    currency = str(asked.get("currency", "USD"))
    found = []
    for name, values in asked.items():
        if name == "q":
            found.append(("Words", str(values)))
        elif name in TITLES:
            each = values if isinstance(values, list) else [values]
            found += [(TITLES[name], words_of(name, str(value), currency)) for value in each]
    return found
