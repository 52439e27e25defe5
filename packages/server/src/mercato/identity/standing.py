"""Where organisations stand with the operator: verified or not, suspended or not."""

from mercato.identity.caller import Caller
from mercato.identity.models import Organisation, User
from mercato.identity.news import OrganisationChanged
from mercato.identity.permissions import Permission
from mercato.identity.refusals import OperatorStays
from mercato.identity.standing_rows import OrganisationState, StandingRows
from mercato.platform import Clock, NotFound, Outbox, Session


class Standing:
    """What operators decide about organisations. Every decision has a reason and is news.

    A suspended organisation calls nothing, signs nobody in and offers nothing; its data stays.
    """

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = StandingRows(session)
        self._clock = clock
        self._outbox = outbox

    async def page(
        self, caller: Caller, *, state: OrganisationState | None, words: str | None, after: str | None, limit: int
    ) -> list[Organisation]:
        """The oldest first; `words` are part of the name."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._rows.page(state, words, after, limit)

    async def get(self, caller: Caller, slug: str) -> Organisation:
        """Raises `NotFound`."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._get(slug)

    async def people(self, caller: Caller, *, organisation_id: str | None, after: str | None, limit: int) -> list[User]:
        """People of one organisation, or of all; the oldest first."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._rows.page_of_users(organisation_id, after, limit)

    async def verify(self, caller: Caller, slug: str, *, verified: bool, reason: str) -> Organisation:
        """Vouch for an organisation, or no longer. The same again changes nothing.

        Raises `NotFound`, and `StepUpNeeded` for vouching.
        """
        caller.require(Permission.ORGANISATIONS_WRITE)
        if verified:
            # Releases of an organisation that is vouched for may pass without a person: this approves them beforehand.
            caller.require_step_up(self._clock.now())
        organisation = await self._get(slug, lock=True)
        if organisation.is_verified != verified:
            organisation.is_verified = verified
            await self._tell(caller, organisation, "verified" if verified else "unverified", reason)
        return organisation

    async def suspend(self, caller: Caller, slug: str, reason: str) -> Organisation:
        """Its keys, tokens and sessions are refused from now on, at gateways within a second.

        Suspending it again changes nothing. Raises `NotFound`, `OperatorStays`.
        """
        caller.require(Permission.ORGANISATIONS_WRITE)
        organisation = await self._get(slug, lock=True)
        if organisation.is_operator:
            raise OperatorStays("The operator's own organisation cannot be suspended.")
        if organisation.suspended_at is None:
            organisation.suspended_at, organisation.suspended_reason = self._clock.now(), reason
            await self._tell(caller, organisation, "suspended", reason)
        return organisation

    async def reinstate(self, caller: Caller, slug: str, reason: str) -> Organisation:
        """What was in force before its suspension is in force again. Raises `NotFound`, `StepUpNeeded`."""
        caller.require(Permission.ORGANISATIONS_WRITE)
        caller.require_step_up(self._clock.now())
        organisation = await self._get(slug, lock=True)
        if organisation.suspended_at is not None:
            organisation.suspended_at, organisation.suspended_reason = None, ""
            await self._tell(caller, organisation, "reinstated", reason)
        return organisation

    async def _get(self, slug: str, *, lock: bool = False) -> Organisation:
        organisation = await self._rows.find(slug, lock=lock)
        if organisation is None:
            raise NotFound(f"There is no organisation {slug}.", organisation=slug)
        return organisation

    async def _tell(self, caller: Caller, organisation: Organisation, change: str, reason: str) -> None:
        news = OrganisationChanged(by=caller.actor, organisation_id=organisation.id, change=change, reason=reason)
        await self._outbox.add(self._session, news)
