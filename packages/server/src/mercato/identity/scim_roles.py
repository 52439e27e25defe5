"""The roles that an identity provider's groups give."""

from collections.abc import Iterable

from mercato.identity.access import end_sessions
from mercato.identity.caller import Caller
from mercato.identity.local_ways import LocalWays
from mercato.identity.models import User
from mercato.identity.news import UserChanged
from mercato.identity.permissions import Role, permissions_of
from mercato.identity.scim_facts import GroupRef
from mercato.identity.scim_models import ScimSettings
from mercato.identity.scim_rows import ScimRows
from mercato.identity.sso_providers import ROLES
from mercato.platform import Clock, Outbox, Session

DEFAULT_ROLE = Role.VIEWER


class ScimRoles:
    """Roles of one transaction; the organisation is locked."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = ScimRows(session)
        self._ways = LocalWays(session)
        self._clock = clock
        self._outbox = outbox

    async def settings_of(self, organisation_id: str) -> ScimSettings:
        """Those that are kept, or a row with the defaults that is not yet kept."""
        return await self._rows.find_settings(organisation_id) or ScimSettings(
            organisation_id=organisation_id,
            role_of_group={},
            default_role=DEFAULT_ROLE.value,
            changed_at=self._clock.now(),
        )

    async def follow(self, caller: Caller, people: Iterable[User]) -> None:
        """Give these people, who were made by the provider, the role of their groups, where groups lead roles.

        Losing rights ends sessions. A super_admin is made and unmade by people only. Raises `LastAdministrator`.
        """
        settings = await self.settings_of(caller.organisation_id)
        if not settings.role_of_group:
            return
        led = [user for user in people if user.role != Role.SUPER_ADMIN]
        groups = await self._rows.groups_of([user.id for user in led])
        for user in led:
            role = _role_of(settings, groups.get(user.id, []))
            if role != user.role:
                await self._change(caller, user, role)

    async def _change(self, caller: Caller, user: User, role: Role) -> None:
        await self._ways.keep_one(user)
        before = Role(user.role)
        user.role = role.value
        news = UserChanged(
            by=caller.actor, user_id=user.id, organisation_id=user.organisation_id, change="role",
            before={"role": before.value}, after={"role": role.value},
        )  # fmt: skip
        await self._outbox.add(self._session, news)
        if permissions_of(before, in_operator=True) - permissions_of(role, in_operator=True):
            await end_sessions(self._session, self._clock, self._outbox, user.id, by=caller.actor)


def _role_of(settings: ScimSettings, groups: Iterable[GroupRef]) -> Role:
    """The highest role that one of the groups gives."""
    given = {settings.role_of_group[group.name] for group in groups if group.name in settings.role_of_group}
    return next((role for role in ROLES if role in given), Role(settings.default_role))
