"""One person in several organisations. A session acts in exactly one of them at a time: the person's own, or another.

People of the operator's organisation are in no other, and nobody else is in theirs: whoever decides about an
organisation must not be one of its people.
"""

from dataclasses import dataclass

from mercato.identity.access import end_keys, end_sessions
from mercato.identity.caller import Caller
from mercato.identity.invitations import Invitations
from mercato.identity.membership_models import Membership
from mercato.identity.membership_rows import MembershipRows
from mercato.identity.models import Organisation, User
from mercato.identity.news import InvitationAccepted, MembershipChanged
from mercato.identity.permissions import Permission, Role
from mercato.identity.refusals import EmailTaken, NotAllowed, OrganisationSuspended
from mercato.identity.repository import IdentityRepository
from mercato.identity.sign_up import may_give
from mercato.identity.sso_refusals import PasswordsSwitchedOff
from mercato.identity.sso_rows import SsoRows
from mercato.identity.standing_rows import StandingRows
from mercato.platform import Clock, NotFound, Outbox, Session


@dataclass(frozen=True, slots=True)
class Place:
    """An organisation that a person may act in, and as what."""

    organisation: Organisation
    role: Role
    is_own: bool
    is_current: bool


class Memberships:
    """Memberships of one transaction."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = MembershipRows(session)
        self._identities = IdentityRepository(session)
        self._clock = clock
        self._outbox = outbox

    async def places(self, caller: Caller) -> list[Place]:
        """Where the caller may act, their own organisation first. Raises `NotAllowed` for a key."""
        user, own = await self._person(caller)
        places = [Place(own, Role(user.role), is_own=True, is_current=own.id == caller.organisation_id)]
        for membership, organisation in await self._rows.of_person(user.id):
            is_current = organisation.id == caller.organisation_id
            places.append(Place(organisation, Role(membership.role), is_own=False, is_current=is_current))
        return places

    async def use(self, caller: Caller, slug: str) -> Place:
        """The caller's session acts in this organisation from the next request on.

        Raises `NotFound`, `NotAllowed`, `OrganisationSuspended`, `PasswordsSwitchedOff`.
        """
        place = next((each for each in await self.places(caller) if each.organisation.slug == slug), None)
        if place is None:
            raise NotFound(f"You are in no organisation {slug}.", organisation=slug)
        if place.organisation.suspended_at is not None:
            raise OrganisationSuspended(slug)
        provider = None if place.is_own else await SsoRows(self._session).find_provider(place.organisation.id)
        if provider is not None and not provider.has_passwords:
            raise PasswordsSwitchedOff(f"{place.organisation.name} lets in only whom its identity provider signs in.")
        login = await self._identities.find_login_session(caller.session_id or "", lock=True)
        assert login is not None
        login.organisation_id = None if place.is_own else place.organisation.id
        return Place(place.organisation, place.role, is_own=place.is_own, is_current=True)

    async def accept(self, caller: Caller, invitations: Invitations, token: str) -> Place:
        """The caller, who has an account, joins the organisation that invites their address; the link works once.

        Raises `InvitationUnknown`, `NotAllowed`, `EmailTaken`.
        """
        user, own = await self._person(caller)
        # The lock comes before the address is read: a directory may be changing it at this moment.
        await self._rows.lock_person(user.id)
        invitation, organisation = await invitations.show(token)
        if invitation.email != user.email:
            raise NotAllowed("The invitation is for another address; sign in as whom it names.")
        if own.is_operator or organisation.is_operator:
            raise NotAllowed("The operator's people are in no other organisation, and nobody else is in theirs.")
        if organisation.id == own.id or await self._rows.find(user.id, organisation.id) is not None:
            raise EmailTaken(f"You are in {organisation.name} already.")
        now = self._clock.now()
        membership = Membership(
            user_id=user.id, organisation_id=organisation.id, role=invitation.role,
            invited_by=invitation.invited_by, created_at=now,
        )  # fmt: skip
        self._rows.add(membership)
        invitation.accepted_at = now
        news = InvitationAccepted(
            by=user.id, user_id=user.id, invitation_id=invitation.id, organisation_id=organisation.id,
            role=invitation.role,
        )  # fmt: skip
        await self._outbox.add(self._session, news)
        return Place(organisation, Role(invitation.role), is_own=False, is_current=False)

    async def page(self, caller: Caller, *, after: str | None, limit: int) -> list[tuple[Membership, User]]:
        """Who is in the caller's organisation beside their own."""
        caller.require(Permission.ORGANISATION_READ)
        return await self._rows.page(caller.organisation_id, after, limit)

    async def end(self, caller: Caller, user_id: str) -> None:
        """The person is in the caller's organisation no more: sessions that act in it end, and so do the keys of it
        that they made, at gateways within a second. Raises `NotFound`, `NotAllowed`, `StepUpNeeded`.
        """
        caller.require(Permission.USERS_WRITE)
        caller.require_recent_proof(self._clock.now())
        await StandingRows(self._session).lock_organisation(caller.organisation_id)
        membership = await self._rows.find(user_id, caller.organisation_id)
        if membership is None:
            raise NotFound(f"Nobody of another organisation is in yours as {user_id}.", user=user_id)
        role, here, by = Role(membership.role), membership.organisation_id, caller.actor
        may_give(caller, role)
        await self._rows.delete(membership)
        await end_sessions(self._session, self._clock, self._outbox, user_id, by=by, acts_in=here)
        await end_keys(self._session, self._clock, self._outbox, user_id, by=by, organisation_id=here)
        ended = MembershipChanged(by=by, user_id=user_id, organisation_id=here, change="ended", role=role)
        await self._outbox.add(self._session, ended)

    async def _person(self, caller: Caller) -> tuple[User, Organisation]:
        user = await self._identities.find_user(caller.actor) if caller.session_id else None
        if user is None:
            raise NotAllowed("A key is in one organisation; sign in as a person.")
        own = await self._identities.find_organisation(user.organisation_id)
        assert own is not None
        return user, own
