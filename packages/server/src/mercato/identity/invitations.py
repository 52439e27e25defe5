"""Invitations: a link by which a person joins an organisation with a given role. It is good for a week, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from mercato.identity.caller import Caller
from mercato.identity.links import LinkTokens
from mercato.identity.models import Invitation, Organisation, User
from mercato.identity.news import InvitationAccepted, InvitationMade, InvitationWithdrawn
from mercato.identity.people_rows import PeopleRows
from mercato.identity.permissions import Permission, Role
from mercato.identity.refusals import EmailTaken, InvitationUnknown
from mercato.identity.repository import IdentityRepository
from mercato.identity.secrets import HashedSecret
from mercato.identity.sign_up import may_give
from mercato.platform import Clock, Ids, NotFound, Outbox, Session
from mercato_contracts import ids as id_prefix

LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """An invitation and the token of its link."""

    row: Invitation
    token: str


class Invitations:
    """Invitations of one transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, links: LinkTokens) -> None:
        self._session = session
        self._rows = PeopleRows(session)
        self._identities = IdentityRepository(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._links = links

    async def invite(self, caller: Caller, *, email: str, role: Role) -> NewInvitation:
        """Invite an address. Nobody gives a role that may do more than their own.

        Raises `EmailTaken`, `NotAllowed`, `StepUpNeeded`.
        """
        caller.require(Permission.USERS_WRITE)
        may_give(caller, role)
        # Whoever may let people in could otherwise, with a stolen session, let in a second self.
        caller.require_recent_proof(self._clock.now())
        user = await self._identities.find_user_by_email(email)
        if user is not None and (user.organisation_id == caller.organisation_id or caller.is_operator):
            raise EmailTaken("A user with this address exists.")
        now = self._clock.now()
        invitation = Invitation(
            id=self._ids.new(id_prefix.INVITATION),
            organisation_id=caller.organisation_id,
            email=email.lower(),
            role=role,
            invited_by=caller.actor,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        self._rows.add(invitation)
        await self._outbox.add(self._session, InvitationMade(by=caller.actor, **_facts(invitation)))
        return NewInvitation(invitation, self._links.of(invitation.id))

    async def list_all(self, caller: Caller, *, after: str | None, limit: int) -> Sequence[Invitation]:
        """The organisation's invitations, the newest first."""
        caller.require(Permission.ORGANISATION_READ)
        return await self._rows.list_invitations(caller.organisation_id, after, limit)

    async def withdraw(self, caller: Caller, invitation_id: str) -> None:
        """The link no longer works. Withdrawing again changes nothing. Raises `NotFound`."""
        caller.require(Permission.USERS_WRITE)
        found = await self._rows.find_invitation(invitation_id)
        if found is None or found[0].organisation_id != caller.organisation_id:
            raise NotFound(f"There is no invitation {invitation_id}.")
        invitation, _ = found
        if invitation.withdrawn_at is None and invitation.accepted_at is None:
            invitation.withdrawn_at = self._clock.now()
            await self._outbox.add(self._session, InvitationWithdrawn(by=caller.actor, **_facts(invitation)))

    async def show(self, token: str) -> tuple[Invitation, Organisation]:
        """The invitation that a link opens. Raises `InvitationUnknown` for a link that does not work (any longer)."""
        found = await self._rows.find_invitation(self._links.find_id(token) or "")
        if found is None:
            raise InvitationUnknown("This invitation link is mistyped or was not issued here.")
        invitation, _ = found
        if invitation.withdrawn_at is not None:
            raise InvitationUnknown("This invitation was withdrawn.")
        if invitation.accepted_at is not None:
            raise InvitationUnknown("This invitation was accepted already.")
        if invitation.expires_at <= self._clock.now():
            raise InvitationUnknown("This invitation has expired.")
        return found

    async def accept(self, token: str, *, name: str, password: HashedSecret) -> tuple[Organisation, User]:
        """The new member. Raises `InvitationUnknown`, `EmailTaken`."""
        invitation, organisation = await self.show(token)
        if await self._identities.find_user_by_email(invitation.email) is not None:
            raise EmailTaken("You have an account: sign in with it, and then open the link again.")
        now = self._clock.now()
        user = User(
            id=self._ids.new(id_prefix.USER),
            organisation_id=organisation.id,
            email=invitation.email,
            name=name,
            role=invitation.role,
            password_hash=password.encoded,
            created_at=now,
        )
        self._identities.add(user)
        await self._identities.flush()
        invitation.accepted_at = now
        await self._outbox.add(self._session, InvitationAccepted(by=user.id, user_id=user.id, **_facts(invitation)))
        return organisation, user


def _facts(invitation: Invitation) -> dict[str, str]:
    return {
        "invitation_id": invitation.id,
        "organisation_id": invitation.organisation_id,
        "role": invitation.role,
    }
