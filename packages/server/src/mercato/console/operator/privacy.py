"""Privacy: erasures, legal holds and copies of what is known of people; and how long rows are kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from mercato.api import privacy as api
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn
from mercato.edge.names import Called
from mercato.edge.wiring import Transaction
from mercato.identity import Actors, Permission
from mercato.platform import Malformed, Refusal, Session
from mercato_contracts.privacy import (
    ErasurePage,
    ErasureView,
    HoldPage,
    HoldRequest,
    HoldView,
    PersonExportView,
    PersonRequest,
    RetentionView,
)

router = page_router()
_FEW = 20


@dataclass(frozen=True, slots=True)
class PrivacyPage:
    """Requests about people, the newest first. `names` are of the people who can still be named."""

    erasures: Sequence[ErasureView]
    holds: Sequence[HoldView]
    names: dict[str, str]
    first: str
    next: str
    may_hold: bool
    person: str = ""
    reason: str = ""
    copies: Sequence[PersonExportView] = ()


@dataclass(frozen=True, slots=True)
class PrivacyDesks:
    """The visitor, and what the page's requests need."""

    visit: SignedIn
    session: Transaction
    erasures: api.ErasureDesk
    holds: api.HoldDesk
    exports: api.ExportDesk
    called: Called

    def __post_init__(self) -> None:
        # Every organisation's administrators may erase its people, with the command; these pages are operators'.
        self.visit.caller.require(Permission.MARKETPLACE_READ)


Desks = Annotated[PrivacyDesks, Depends()]


@router.get("/ops/privacy")
async def show_privacy(desks: Desks, before: api.Before = None, person: str = "") -> Response:
    """Erasures and holds; of one person also the copies that can be had."""
    return desks.visit.show("operator/privacy.html", await _page(desks, before, person[:64]))


@router.post("/ops/privacy/erasures")
async def erase_person(request: Request, desks: Desks) -> Response:
    """For good, once the id was typed twice. It needs a proof of who one is from the last ten minutes."""
    visit = desks.visit
    visit.caller.require(Permission.PRIVACY_WRITE)
    visit.caller.require_recent_proof(visit.now)
    form = await Form.of(request)
    person = form.get("person")[:64]
    try:
        if form.get("typed") != person:
            raise Malformed("Type the person's id once more: an erasure cannot be undone.")
        body = as_request(PersonRequest, person=person or None)
        made = await api.erase_person(body, visit.caller, desks.erasures, desks.called)
    except Refusal as refusal:
        return visit.show("operator/privacy.html", await _page(desks, None, person), refusal=refusal)
    visit.made(made.id)
    return visit.go("/ops/privacy")


@router.post("/ops/privacy/copies")
async def export_person(request: Request, desks: Desks) -> Response:
    """A copy of what is known of a person; its link is on the page that follows, as soon as it is made."""
    visit = desks.visit
    visit.caller.require(Permission.PRIVACY_WRITE)
    visit.caller.require_recent_proof(visit.now)
    person = (await Form.of(request)).get("person")[:64]
    try:
        made = await api.export_person(as_request(PersonRequest, person=person or None), visit.caller, desks.exports)
    except Refusal as refusal:
        return visit.show("operator/privacy.html", await _page(desks, None, ""), refusal=refusal)
    visit.made(made.id)
    return visit.go("/ops/privacy", person=person)


@router.post("/ops/privacy/holds")
async def place_legal_hold(request: Request, desks: Desks) -> Response:
    """While it is in force, the person is not erased."""
    form, visit = await Form.of(request), desks.visit
    person, reason = form.get("person")[:64], form.get("reason")[:500]
    try:
        if not person:
            raise Malformed("Name the person by their id; the list of users has it.")
        body = as_request(HoldRequest, reason=reason or None)
        made = await api.place_legal_hold(person, body, visit.caller, desks.holds, desks.called)
    except Refusal as refusal:
        return visit.show("operator/privacy.html", await _page(desks, None, person, reason), refusal=refusal)
    visit.made(made.id)
    return visit.go("/ops/privacy")


@router.post("/ops/privacy/holds/{user_id}/lift")
async def lift_legal_hold(user_id: str, desks: Desks) -> Response:
    """An erasure can be asked for again."""
    await api.lift_legal_hold(user_id, desks.visit.caller, desks.holds, desks.called)
    return desks.visit.go("/ops/privacy")


async def _page(desks: PrivacyDesks, before: str | None, person: str, reason: str = "") -> PrivacyPage:
    visit = desks.visit
    erasures: ErasurePage = await api.list_erasures(visit.caller, desks.erasures, desks.called, before, _FEW)
    holds = HoldPage(items=[], next=None)
    may_hold = visit.caller.may(Permission.ORGANISATIONS_WRITE)
    if may_hold and before is None:
        holds = await api.list_legal_holds(visit.caller, desks.holds, desks.called, None, _FEW)
    copies: Sequence[PersonExportView] = ()
    if person:
        copies = (await api.list_person_exports(visit.caller, desks.exports, person)).items
    here = visit.at("/ops/privacy")
    return PrivacyPage(
        erasures=erasures.items,
        holds=holds.items,
        names=await _names(desks.session, erasures.items, holds.items),
        first=here.first(),
        next=here.on("before", erasures.next),
        may_hold=may_hold,
        person=person,
        reason=reason,
        copies=copies,
    )


async def _names(session: Session, erasures: Sequence[ErasureView], holds: Sequence[HoldView]) -> dict[str, str]:
    wanted = {one.asked_by for one in erasures} | {one.placed_by for one in holds} | {one.person for one in holds}
    return {actor_id: actor.name for actor_id, actor in (await Actors(session).find(wanted)).items()}


@dataclass(frozen=True, slots=True)
class RetentionPage:
    """Every table; `is_counted`: whether the rows that would be removed were counted."""

    found: RetentionView
    is_counted: bool

    @property
    def due(self) -> int:
        """Rows that are past their time, of all tables."""
        return sum(each.due or 0 for each in self.found.items)


@router.get("/ops/retention")
async def show_retention(
    visit: SignedIn, found: Annotated[RetentionView, Depends(api.show_retention)], count: bool = False
) -> Response:
    """The first view is cheap: counting reads whole tables, so it needs a click."""
    return visit.show("operator/retention.html", RetentionPage(found, count))
