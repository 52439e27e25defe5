"""Organisations, people and rights, across the marketplace."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from fastapi import Request, Response

from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.edge.names import Called
from mercato.edge.paging import After, Page
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import (
    Actors,
    Key,
    Keys,
    Organisation,
    OrganisationState,
    Permission,
    Role,
    Standing,
    User,
    every_permission,
    key_rights,
    rights_of,
)
from mercato.metering import KeyUse, use_of_keys
from mercato.platform import Refusal, Session
from mercato_contracts.standing import StandingRequest

router = page_router()
_ROWS = 50


@dataclass(frozen=True, slots=True)
class OrganisationsPage:
    """By state and name."""

    items: Sequence[Organisation]
    standing: str
    states: Sequence[str]
    named: str
    next: str | None
    is_first: bool


@router.get("/ops/organisations")
async def show_organisations(
    visit: SignedIn,
    session: Transaction,
    parts: Parts,
    standing: OrganisationState | None = None,
    named: str = "",
    after: After = None,
) -> Response:
    """The oldest first."""
    desk = Standing(session, parts.clock, parts.outbox)
    rows = await desk.page(visit.caller, state=standing, words=named[:100] or None, after=after, limit=_ROWS)
    states = get_args(OrganisationState)
    page = OrganisationsPage(rows, standing or "", states, named[:100], Page.of(rows, _ROWS).next, after is None)
    return visit.show("operator/organisations.html", page)


@dataclass(frozen=True, slots=True)
class OrganisationPage:
    """One organisation: its standing, its people, its keys."""

    organisation: Organisation
    people: Sequence[User]
    keys: Sequence[Key]
    use: dict[str, KeyUse]
    makers: dict[str, str]
    may_write: bool
    may_view: bool
    first: str
    next_people: str
    next_keys: str
    reason: str = ""
    """What was typed into a form that was not done."""


@router.get("/ops/organisations/{slug}")
async def show_organisation(
    slug: str, visit: SignedIn, session: Transaction, people: After = None, keys: After = None
) -> Response:
    """With the forms that verify, suspend and reinstate it. People and keys have pages of their own."""
    return visit.show("operator/organisation.html", await _organisation(visit, session, slug, people, keys))


@router.post("/ops/organisations/{slug}/{change}")
async def change_standing(
    slug: str, change: str, request: Request, visit: SignedIn, session: Transaction, parts: Parts
) -> Response:
    """Verify, withdraw the verification, suspend, reinstate: each with a reason."""
    desk, form = Standing(session, parts.clock, parts.outbox), await Form.of(request)
    try:
        reason = as_request(StandingRequest, reason=form.find("reason")).reason
        if change in ("verify", "unverify"):
            await desk.verify(visit.caller, slug, verified=change == "verify", reason=reason)
        elif change == "suspend":
            await desk.suspend(visit.caller, slug, reason)
        else:
            await desk.reinstate(visit.caller, slug, reason)
    except Refusal as refusal:
        page = replace(await _organisation(visit, session, slug), reason=form.get("reason")[:500])
        return visit.show("operator/organisation.html", page, refusal=refusal)
    return visit.go(f"/ops/organisations/{slug}")


async def _organisation(
    visit: Visit, session: Session, slug: str, people_after: str | None = None, keys_after: str | None = None
) -> OrganisationPage:
    parts, caller, here = visit.wiring, visit.caller, visit.at(f"/ops/organisations/{slug}")
    standing = Standing(session, parts.clock, parts.outbox)
    found = await standing.get(caller, slug)
    keys = await Keys(session, parts.clock, parts.ids, parts.hasher, parts.outbox).list_everyone(
        caller, organisation_id=found.id, after=keys_after, limit=_ROWS
    )
    people = await standing.people(caller, organisation_id=found.id, after=people_after, limit=_ROWS)
    makers = await Actors(session).find({key.created_by for key in keys})
    return OrganisationPage(
        organisation=found,
        people=people,
        keys=keys,
        use=await use_of_keys(session, parts.clock, key_ids=[key.id for key in keys], consumer_ids=[found.id]),
        makers={actor_id: actor.name for actor_id, actor in makers.items()},
        may_write=caller.may(Permission.ORGANISATIONS_WRITE),
        may_view=caller.may(Permission.PEOPLE_VIEW_AS) and not found.is_operator and found.allows_views,
        first=here.first(),
        next_people=here.on("people", Page.of(people, _ROWS).next),
        next_keys=here.on("keys", Page.of(keys, _ROWS).next),
    )


@dataclass(frozen=True, slots=True)
class UsersPage:
    """People of every organisation."""

    items: Sequence[User]
    organisations: dict[str, str]
    next: str | None
    is_first: bool


@router.get("/ops/users")
async def show_users(
    visit: SignedIn, session: Transaction, parts: Parts, called: Called, after: After = None
) -> Response:
    """The oldest first."""
    standing = Standing(session, parts.clock, parts.outbox)
    rows = await standing.people(visit.caller, organisation_id=None, after=after, limit=_ROWS)
    names = await called.organisations({row.organisation_id for row in rows})
    return visit.show("operator/users.html", UsersPage(rows, names, Page.of(rows, _ROWS).next, after is None))


@dataclass(frozen=True, slots=True)
class RolesPage:
    """The matrix of rights, made from the table that enforces it."""

    roles: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]
    keys: Sequence[tuple[str, Sequence[str]]]


@router.get("/ops/roles")
async def show_roles(visit: SignedIn) -> Response:
    """What each role may do: in its own organisation, or in the operator's only."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    roles = list(Role)
    rights = {role: rights_of(role) for role in roles}
    rows = [
        (name, ["yes" if name in rights[role][0] else "operator" if name in rights[role][1] else "" for role in roles])
        for name in every_permission()
    ]
    keys = [(kind, scopes) for kind, scopes in key_rights().items()]
    return visit.show("operator/roles.html", RolesPage([role.value for role in roles], rows, keys))
