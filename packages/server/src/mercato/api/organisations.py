"""Organisations as operators see them; the people of one's own; what each role may do."""

from typing import Annotated, get_args

from fastapi import APIRouter, Depends, Query

from mercato.api.identity import view_organisation, view_user
from mercato.edge.caller import SignedIn
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Members, OrganisationState, Role, Standing, every_permission, key_rights, rights_of
from mercato_contracts.identity import OrganisationView, RoleName, UserView
from mercato_contracts.standing import (
    DisableRequest,
    KeyRights,
    OrganisationPage,
    RightsView,
    RoleChange,
    RoleRights,
    StandingRequest,
)

router = APIRouter(prefix="/api", tags=["identity"], route_class=TransactionalRoute)


def _standing(session: Transaction, parts: Parts) -> Standing:
    return Standing(session, parts.clock, parts.outbox)


def _members(session: Transaction, parts: Parts) -> Members:
    return Members(session, parts.clock, parts.outbox)


StandingDesk = Annotated[Standing, Depends(_standing)]
MemberDesk = Annotated[Members, Depends(_members)]


@router.get("/organisations", summary="Every organisation of the marketplace (operator)")
async def list_organisations(
    caller: SignedIn,
    desk: StandingDesk,
    standing: Annotated[OrganisationState | None, Query(description="Only those that stand so")] = None,
    named: Annotated[str | None, Query(max_length=100, description="A part of the name")] = None,
    after: After = None,
    limit: PageSize = 50,
) -> OrganisationPage:
    """The oldest first, with where each stands."""
    found = await desk.page(caller, state=standing, words=named, after=after, limit=limit)
    return OrganisationPage(items=[view_organisation(each) for each in found], next=Page.of(found, limit).next)


@router.get("/organisations/{slug}", summary="One organisation (operator)")
async def get_organisation(slug: str, caller: SignedIn, desk: StandingDesk) -> OrganisationView:
    """With the reason, where it is suspended."""
    return view_organisation(await desk.get(caller, slug))


@router.post("/organisations/{slug}/suspend", summary="Suspend an organisation (operator)")
async def suspend_organisation(
    slug: str, body: StandingRequest, caller: SignedIn, desk: StandingDesk
) -> OrganisationView:
    """Its calls stop within a second, its people are signed out, and its services are no longer routed to. Its data
    stays. Suspending it again changes nothing. The operator's own organisation is refused.
    """
    return view_organisation(await desk.suspend(caller, slug, body.reason))


@router.post("/organisations/{slug}/reinstate", summary="Reinstate a suspended organisation (operator)")
async def reinstate_organisation(
    slug: str, body: StandingRequest, caller: SignedIn, desk: StandingDesk
) -> OrganisationView:
    """Keys that were in force work again. Needs a proof of who you are from the last ten minutes. Reinstating one that
    is not suspended changes nothing.
    """
    return view_organisation(await desk.reinstate(caller, slug, body.reason))


@router.put("/users/{user_id}/role", summary="Give a colleague another role")
async def change_role(user_id: str, body: RoleChange, caller: SignedIn, desk: MemberDesk) -> UserView:
    """It counts from the person's next request on. Needs a proof of who you are from the last ten minutes. Nobody gives
    or takes a role that may do more than their own, and the last administrator stays.
    """
    return view_user(await desk.change_role(caller, user_id, Role(body.role)))


@router.post("/users/{user_id}/disable", summary="Keep a colleague from signing in")
async def disable_user(user_id: str, body: DisableRequest, caller: SignedIn, desk: MemberDesk) -> UserView:
    """Their sessions end now, and the keys that they made are revoked, at gateways within a second. The last
    administrator stays. Disabling again changes nothing.
    """
    return view_user(await desk.disable(caller, user_id, keep_keys=body.keep_keys))


@router.post("/users/{user_id}/enable", summary="Let a colleague sign in again")
async def enable_user(user_id: str, caller: SignedIn, desk: MemberDesk) -> UserView:
    """Keys that were revoked stay revoked. Enabling again changes nothing."""
    return view_user(await desk.enable(caller, user_id))


@router.get("/roles", summary="What each role and each kind of key may do")
async def show_rights(caller: SignedIn) -> RightsView:
    """Read from the table that enforces it."""
    roles = []
    for name in get_args(RoleName):
        own, beyond = rights_of(Role(name))
        roles.append(RoleRights(role=name, permissions=own, operator_permissions=beyond))
    keys = [KeyRights(kind=kind, scopes=scopes) for kind, scopes in key_rights().items()]
    return RightsView(roles=roles, keys=keys, permissions=every_permission())
