"""One person in several organisations: which they are in, which of them a session acts in, and who is in one's own."""

from typing import Annotated, cast

from fastapi import APIRouter, Depends

from mercato.edge.caller import SignedIn
from mercato.edge.letters import InvitationDesk
from mercato.edge.paging import After, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Membership, Memberships, Place, User
from mercato_contracts.identity import RoleName
from mercato_contracts.memberships import (
    MemberPage,
    MembershipAcceptance,
    MemberView,
    OrganisationChoice,
    PlaceList,
    PlaceView,
)

router = APIRouter(prefix="/api", tags=["identity"], route_class=TransactionalRoute)


def _desk_of(session: Transaction, parts: Parts) -> Memberships:
    return Memberships(session, parts.clock, parts.outbox)


MembershipDesk = Annotated[Memberships, Depends(_desk_of)]


def view_place(place: Place) -> PlaceView:
    """The organisation with the person's role in it."""
    return PlaceView(
        id=place.organisation.id,
        slug=place.organisation.slug,
        name=place.organisation.name,
        role=place.role.value,
        own=place.is_own,
        current=place.is_current,
        suspended=place.organisation.suspended_at is not None,
    )


def _view_member(membership: Membership, user: User) -> MemberView:
    return MemberView(
        user_id=user.id,
        email=user.email,
        name=user.name,
        role=cast(RoleName, membership.role),
        created_at=membership.created_at,
        disabled_at=user.disabled_at,
    )


@router.get("/me/organisations", summary="The organisations that you are in")
async def list_places(caller: SignedIn, desk: MembershipDesk) -> PlaceList:
    """The one of your account first. `current` is the one that this session acts in. A key is refused: it has one."""
    return PlaceList(items=[view_place(place) for place in await desk.places(caller)])


@router.put("/me/organisation", summary="Choose the organisation that this session acts in")
async def use_organisation(body: OrganisationChoice, caller: SignedIn, desk: MembershipDesk) -> PlaceView:
    """From the next request on, with your role there; other sessions stay where they are. A new session begins in the
    organisation of your account. The same again changes nothing.
    """
    return view_place(await desk.use(caller, body.organisation))


@router.post("/me/memberships", status_code=201, summary="Join another organisation by its invitation")
async def accept_membership(
    body: MembershipAcceptance, caller: SignedIn, desk: MembershipDesk, invitations: InvitationDesk
) -> PlaceView:
    """For people who have an account: the invitation names its address. The link works once, so a repeat is refused.
    The operator's people are in no other organisation, and nobody else is in theirs.
    """
    return view_place(await desk.accept(caller, invitations, body.token.get_secret_value()))


@router.get("/members", summary="People of other organisations who are in yours")
async def list_members(caller: SignedIn, desk: MembershipDesk, after: After = None, limit: PageSize = 50) -> MemberPage:
    """By person. Your organisation's own people are at `GET /api/users`."""
    found = await desk.page(caller, after=after, limit=limit)
    following = found[-1][1].id if len(found) == limit else None
    return MemberPage(items=[_view_member(*each) for each in found], next=following)


@router.delete("/members/{user_id}", status_code=204, summary="End the membership of somebody of another organisation")
async def end_membership(user_id: str, caller: SignedIn, desk: MembershipDesk) -> None:
    """Their sessions in your organisation end, and so do the keys of it that they made, within a second. Needs a proof
    of who you are from the last ten minutes. Whoever is not in it is not found, a repeat too.
    """
    await desk.end(caller, user_id)
