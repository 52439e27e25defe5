"""The people of an organisation: their roles, and who may sign in."""

from mercato.identity.access import end_keys, end_sessions
from mercato.identity.caller import Caller
from mercato.identity.local_ways import LocalWays
from mercato.identity.models import User
from mercato.identity.news import UserChanged
from mercato.identity.permissions import Permission, Role
from mercato.identity.sign_up import may_give
from mercato.identity.standing_rows import StandingRows
from mercato.platform import Clock, NotFound, Outbox, Session


class Members:
    """The caller's own colleagues. Changes of one organisation are one after the other, so the last person who can run
    it stays."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = StandingRows(session)
        self._ways = LocalWays(session)
        self._clock = clock
        self._outbox = outbox

    async def page(self, caller: Caller, *, after: str | None, limit: int) -> list[User]:
        """The oldest first, disabled ones too."""
        caller.require(Permission.ORGANISATION_READ)
        return await self._rows.page_of_users(caller.organisation_id, after, limit)

    async def change_role(self, caller: Caller, user_id: str, role: Role) -> User:
        """From the next request on. Raises `NotFound`, `NotAllowed`, `LastAdministrator`, `StepUpNeeded`."""
        user = await self._take(caller, user_id)
        may_give(caller, role)
        if user.role != role:
            await self._ways.keep_one(user)
            before, user.role = user.role, role
            await self._tell(caller, user, "role", {"role": before}, {"role": role.value})
        return user

    async def disable(self, caller: Caller, user_id: str, *, keep_keys: bool = False) -> User:
        """Their sessions end now, and so do the keys that they made, unless `keep_keys`. Again changes nothing.

        Of somebody whom the identity provider disabled it becomes an administrator's decision, which stays.

        Raises `NotFound`, `NotAllowed`, `LastAdministrator`, `StepUpNeeded`.
        """
        user = await self._take(caller, user_id)
        if user.disabled_at is None:
            await self._ways.keep_one(user)
            user.disabled_at = self._clock.now()
            await end_sessions(self._session, self._clock, self._outbox, user.id, by=caller.actor)
            if not keep_keys:
                await end_keys(
                    self._session, self._clock, self._outbox, user.id,
                    by=caller.actor, organisation_id=user.organisation_id,
                )  # fmt: skip
            await self._tell(caller, user, "disabled", {"disabled": False}, {"disabled": True})
        elif await self._rows.forget_providers_disabling(user.id):
            await self._tell(caller, user, "disabled", {"disabled": "by the provider"}, {"disabled": True})
        return user

    async def enable(self, caller: Caller, user_id: str) -> User:
        """They may sign in again. Keys that were revoked stay revoked.

        Raises `NotFound`, `NotAllowed`, `StepUpNeeded`.
        """
        user = await self._take(caller, user_id)
        if user.disabled_at is not None:
            await self._rows.forget_providers_disabling(user.id)
            user.disabled_at = None
            await self._tell(caller, user, "enabled", {"disabled": True}, {"disabled": False})
        return user

    async def _take(self, caller: Caller, user_id: str) -> User:
        """The colleague, once nobody else changes who runs the organisation."""
        caller.require(Permission.USERS_WRITE)
        caller.require_recent_proof(self._clock.now())
        await self._rows.lock_organisation(caller.organisation_id)
        user = await self._rows.find_user(caller.organisation_id, user_id)
        if user is None:
            raise NotFound(f"Your organisation has no person {user_id}.", user=user_id)
        may_give(caller, Role(user.role))
        return user

    async def _tell(
        self, caller: Caller, user: User, change: str, before: dict[str, str | bool], after: dict[str, str | bool]
    ) -> None:
        news = UserChanged(
            by=caller.actor,
            user_id=user.id,
            organisation_id=user.organisation_id,
            change=change,
            before=before,
            after=after,
        )
        await self._outbox.add(self._session, news)
