"""Privacy, for everybody: what is kept of people and for how long; one's own copy and erasure; colleagues' ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated

from fastapi import Depends, Query, Request, Response

from mercato.api import identity as people_api
from mercato.api import privacy as api
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import Anybody
from mercato.edge.names import Called
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.platform import PERSONAL, Keep, Malformed, Refusal, described_tables
from mercato_contracts.identity import UserView
from mercato_contracts.privacy import ErasureView, PersonExportView, PersonRequest

router = page_router()
_FEW = 20
_MOST_PEOPLE = 200
_PUBLIC_SECONDS = 300


@dataclass(frozen=True, slots=True)
class KeptOfPeople:
    """Rows of one kind that know people: what for, on which basis, how long."""

    purpose: str
    basis: str
    kept: str


@dataclass(frozen=True, slots=True)
class Requests:
    """What somebody who is signed in may ask for. `colleagues`: those whom an administrator may name."""

    copies: Sequence[PersonExportView]
    may_rule: bool
    colleagues: Sequence[UserView]
    has_more: bool
    erasures: Sequence[ErasureView]
    first: str
    next: str
    person: str


@dataclass(frozen=True, slots=True)
class PrivacyPage:
    """`erased`: the reader has just had themselves erased."""

    kept: Sequence[KeptOfPeople]
    own: Requests | None
    erased: bool


@dataclass(frozen=True, slots=True)
class PrivacyDesks:
    """The visitor, and what the page's requests need."""

    visit: Anybody
    session: Transaction
    parts: Parts
    erasures: api.ErasureDesk
    exports: api.ExportDesk
    called: Called

    async def page(self, before: str | None = None, person: str = "", *, erased: bool = False) -> PrivacyPage:
        """Everything that the page shows."""
        own = None if self.visit.person is None else await self._requests(before, person)
        return PrivacyPage(kept_of_people(), own, erased and own is None)

    async def show(self, refusal: Refusal, person: str) -> Response:
        return self.visit.show("privacy.html", await self.page(person=person), refusal=refusal)

    async def _requests(self, before: str | None, person: str) -> Requests:
        caller = self.visit.caller
        may_rule = caller.may(Permission.PRIVACY_WRITE)
        of_whom = person if may_rule and person else "me"
        copies = await api.list_person_exports(caller, self.exports, of_whom)
        if not may_rule:
            return Requests(copies.items, may_rule, (), False, (), "", "", "")
        people = await people_api.list_users(caller, self.session, self.parts, limit=_MOST_PEOPLE)
        erasures = await api.list_erasures(caller, self.erasures, self.called, before, _FEW)
        here = self.visit.at("/privacy")
        others = [each for each in people.items if each.id != caller.actor]
        return Requests(
            copies.items, may_rule, others, people.next is not None,
            erasures.items, here.first(), here.on("before", erasures.next), person,
        )  # fmt: skip

    async def email_of(self, person: str) -> str:
        """Of this person; empty where it is nobody that the page knows."""
        assert self.visit.person is not None
        if person == "me":
            return self.visit.person.email
        people = await people_api.list_users(self.visit.caller, self.session, self.parts, limit=_MOST_PEOPLE)
        return next((each.email for each in people.items if each.id == person), "")


Desks = Annotated[PrivacyDesks, Depends()]


@router.get("/privacy")
async def show_privacy(
    desks: Desks,
    before: api.Before = None,
    person: Annotated[str, Query(max_length=64)] = "",
    erased: bool = False,
) -> Response:
    """For visitors what is kept; for people also what they can have done about it."""
    page = await desks.page(before, person, erased=erased)
    return desks.visit.show("privacy.html", page, public_seconds=_PUBLIC_SECONDS)


@router.post("/privacy/copies")
async def export_person(request: Request, desks: Desks) -> Response:
    """Of oneself, or of a colleague; its link is on the page as soon as it is made."""
    visit = desks.visit
    visit.caller.require_recent_proof(visit.now)
    person = (await Form.of(request)).get("person")[:64] or "me"
    try:
        made = await api.export_person(as_request(PersonRequest, person=person), visit.caller, desks.exports)
    except Refusal as refusal:
        return await desks.show(refusal, "")
    visit.made(made.id)
    return visit.go("/privacy") if person == "me" else visit.go("/privacy", person=person)


@router.post("/privacy/erasures")
async def erase_person(request: Request, desks: Desks) -> Response:
    """For good, once the person's address was typed. It needs a proof of who one is from the last ten minutes."""
    visit = desks.visit
    visit.caller.require_recent_proof(visit.now)
    form = await Form.of(request)
    person = form.get("person")[:64] or "me"
    own = person in ("me", visit.caller.actor)
    try:
        # Somebody beyond the people that the page knows is confirmed by their id.
        wanted = await desks.email_of("me" if own else person)
        if form.get("typed").casefold() != (wanted or person).casefold():
            what = "e-mail address" if wanted else "id"
            raise Malformed(f"Type the person's {what} to confirm: an erasure cannot be undone.")
        made = await api.erase_person(
            as_request(PersonRequest, person=person), visit.caller, desks.erasures, desks.called
        )
    except Refusal as refusal:
        return await desks.show(refusal, "" if own else person)
    visit.made(made.id)
    return visit.go("/privacy", erased="true") if own else visit.go("/privacy")


@cache
def kept_of_people() -> Sequence[KeptOfPeople]:
    """From the data map, which erasures, copies and retention follow."""
    found = {
        KeptOfPeople(note.purpose, note.basis, _length(note.keep))
        for _, note in described_tables()
        if note.columns_of(*PERSONAL)
    }
    return sorted(found, key=lambda each: each.purpose)


def _length(keep: Keep) -> str:
    if keep.words or not keep.days:
        return str(keep)
    return "1 day" if keep.days == 1 else f"{keep.days} days"
