"""Invitations into one's organisation."""

from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request

from mercato.api.identity import view_organisation, view_user
from mercato.edge.addresses import origin_of
from mercato.edge.caller import SignedIn
from mercato.edge.letters import InvitationDesk
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import LateTransactionalRoute, TransactionalRoute
from mercato.edge.wiring import Parts
from mercato.identity import HashedSecret, Invitation, Role
from mercato_contracts.people import (
    InvitationAcceptance,
    InvitationAccepted,
    InvitationPage,
    InvitationRequest,
    InvitationShown,
    InvitationTokenRequest,
    InvitationView,
    InvitedRole,
    NewInvitationAnswer,
)

router = APIRouter(prefix="/api/invitations", tags=["identity"], route_class=TransactionalRoute)
late = APIRouter(route_class=LateTransactionalRoute)


async def _hash_acceptance(
    body: InvitationAcceptance, request: Request, parts: Parts
) -> tuple[InvitationAcceptance, HashedSecret]:
    return body, await parts.hasher.hash_for(origin_of(request), body.password.get_secret_value())


# Named before what asks for the transaction.
HashedAcceptance = Annotated[tuple[InvitationAcceptance, HashedSecret], Depends(_hash_acceptance)]


def view_invitation(invitation: Invitation, now: datetime) -> InvitationView:
    return InvitationView.model_validate(_facts(invitation, now))


def _facts(invitation: Invitation, now: datetime) -> dict[str, object]:
    return {
        "id": invitation.id,
        "email": invitation.email,
        "role": invitation.role,
        "state": _state(invitation, now),
        "invited_by": invitation.invited_by,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
    }


def _state(invitation: Invitation, now: datetime) -> str:
    if invitation.accepted_at is not None:
        return "accepted"
    if invitation.withdrawn_at is not None:
        return "withdrawn"
    return "expired" if invitation.expires_at <= now else "open"


@router.post("", status_code=201, summary="Invite somebody into your organisation")
async def invite(body: InvitationRequest, caller: SignedIn, desk: InvitationDesk, parts: Parts) -> NewInvitationAnswer:
    """The link goes to the address by mail and is in the answer; it works once, for seven days. Nobody gives a role
    that may do more than their own. Needs a proof of who you are from the last ten minutes. Every request makes another
    invitation.
    """
    new = await desk.invite(caller, email=body.email, role=Role(body.role))
    link = f"{parts.client_url}/join/{new.token}"
    return NewInvitationAnswer.model_validate({**_facts(new.row, parts.clock.now()), "link": link})


@router.get("", summary="Invitations of your organisation")
async def list_invitations(
    caller: SignedIn, desk: InvitationDesk, parts: Parts, after: After = None, limit: PageSize = 50
) -> InvitationPage:
    """The newest first, those that ended too."""
    found = await desk.list_all(caller, after=after, limit=limit)
    now = parts.clock.now()
    return InvitationPage(items=[view_invitation(each, now) for each in found], next=Page.of(found, limit).next)


@router.delete("/{invitation_id}", status_code=204, summary="Withdraw an invitation")
async def withdraw_invitation(invitation_id: str, caller: SignedIn, desk: InvitationDesk) -> None:
    """Its link no longer works. Withdrawing one that ended changes nothing."""
    await desk.withdraw(caller, invitation_id)


@router.post("/show", summary="Show what an invitation's link invites to")
async def show_invitation(body: InvitationTokenRequest, desk: InvitationDesk) -> InvitationShown:
    """For whoever holds the link. Nothing changes."""
    invitation, organisation = await desk.show(body.token.get_secret_value())
    return InvitationShown(
        organisation=view_organisation(organisation),
        email=invitation.email,
        role=cast(InvitedRole, invitation.role),
        expires_at=invitation.expires_at,
    )


@late.post("/accept", status_code=201, summary="Join an organisation by an invitation's link")
async def accept_invitation(hashed: HashedAcceptance, desk: InvitationDesk) -> InvitationAccepted:
    """The new member signs in with `POST /api/sessions`. The link works once: a repeat is refused and changes
    nothing.
    """
    body, password = hashed
    organisation, user = await desk.accept(body.token.get_secret_value(), name=body.name, password=password)
    return InvitationAccepted(organisation=view_organisation(organisation), user=view_user(user))


router.include_router(late)
