"""Viewing as somebody else: the form that begins a view, and the button that ends it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fastapi import Request, Response

from mercato.api import view_as as views_api
from mercato.api.view_as import ViewDesk
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Actors, Directory, Permission
from mercato.platform import NotFound, Refusal, Session
from mercato_contracts.view_as import PastView, ViewAsRequest

router = page_router()
_ROWS = 20


@dataclass(frozen=True, slots=True)
class ViewAsPage:
    """Whom the view is of, and one's own newest views."""

    person: str
    name: str
    organisation: str
    past: Sequence[PastView]
    reason: str = ""


@router.get("/ops/view-as/{person}")
async def show_view(person: str, visit: SignedIn, session: Transaction, desk: ViewDesk) -> Response:
    """With the form that begins a view."""
    return visit.show("operator/view_as.html", await _page(person, visit, session, desk))


@router.post("/ops/view-as/{person}")
async def view_as(
    person: str, request: Request, visit: SignedIn, session: Transaction, parts: Parts, desk: ViewDesk
) -> Response:
    """This browser's session reads as the person from now on."""
    form = await Form.of(request)
    try:
        body = as_request(ViewAsRequest, person=person, reason=form.find("reason"))
        await views_api.view_as(body, visit.caller, session, parts)
    except Refusal as refusal:
        page = replace(await _page(person, visit, session, desk), reason=form.get("reason")[:500])
        return visit.show("operator/view_as.html", page, refusal=refusal)
    return visit.go("/home")


@router.post("/view-as/end")
async def end_view(visit: SignedIn, desk: ViewDesk) -> Response:
    """Back to the organisation that was viewed, as oneself."""
    slug = visit.caller.organisation_slug
    was_viewing = visit.caller.viewing is not None
    await desk.end(visit.caller)
    return visit.go(f"/ops/organisations/{slug}" if was_viewing else "/home")


async def _page(person: str, visit: Visit, session: Session, desk: ViewDesk) -> ViewAsPage:
    visit.caller.require(Permission.PEOPLE_VIEW_AS)
    found = (await Actors(session).find([person])).get(person)
    if found is None or found.kind != "user":
        raise NotFound(f"There is no person {person}.", user=person)
    organisation = await Directory(session).get(found.organisation_id)
    past = await views_api.list_views(visit.caller, desk, limit=_ROWS)
    return ViewAsPage(person, found.name, organisation.slug, past.items)
