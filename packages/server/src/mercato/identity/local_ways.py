"""The ways in that need no identity provider: who keeps their password, and the one administrator who always stays.

A *local* person is bound to no account at a provider. One local person with the organisation's highest role always
stays, as the way in when the provider fails.
"""

from mercato.identity.models import User
from mercato.identity.permissions import Role
from mercato.identity.refusals import LastAdministrator
from mercato.identity.repository import IdentityRepository
from mercato.identity.sso_refusals import PasswordsSwitchedOff
from mercato.identity.sso_rows import SsoRows
from mercato.platform import Session


class LocalWays:
    """Questions of one transaction."""

    def __init__(self, session: Session) -> None:
        self._rows = SsoRows(session)
        self._identities = IdentityRepository(session)

    async def highest_role(self, organisation_id: str) -> Role:
        """Of the people who run this organisation."""
        organisation = await self._identities.find_organisation(organisation_id)
        return Role.SUPER_ADMIN if organisation is not None and organisation.is_operator else Role.ADMIN

    async def keep_one(self, user: User) -> None:
        """Before this person is disabled, bound or given a lower role; the organisation is locked.

        Raises `LastAdministrator` for the last local person of the highest role.
        """
        if await self.is_last(user):
            raise LastAdministrator(f"{user.name} is the last {user.role} of your organisation.", role=user.role)

    async def is_last(self, user: User) -> bool:
        """Whether nobody else could run the organisation without its identity provider."""
        highest = await self.highest_role(user.organisation_id)
        if user.role != highest or user.disabled_at is not None:
            return False
        if await self._rows.find_account_of(user.id) is not None:
            return False
        return await self._rows.count_local(user.organisation_id, highest) <= 1

    async def may_use_password(self, user: User) -> bool:
        """Whether this person signs in with a password."""
        provider = await self._rows.find_provider(user.organisation_id)
        if provider is None or provider.has_passwords:
            return True
        if user.role != await self.highest_role(user.organisation_id):
            return False
        return await self._rows.find_account_of(user.id) is None

    async def require_password(self, user: User) -> None:
        """Raises `PasswordsSwitchedOff`."""
        if not await self.may_use_password(user):
            raise PasswordsSwitchedOff("Your organisation switched passwords off.")
