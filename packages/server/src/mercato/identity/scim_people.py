"""The people of an organisation as its identity provider keeps them: made, changed, disabled and removed by SCIM.

Everybody of the organisation is shown, so that a provider finds whom it knows. Who was there before keeps the role that
people gave them. A person is never deleted here: removed, they are disabled and the provider sees them no more.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mercato.identity.access import end_access
from mercato.identity.caller import Caller
from mercato.identity.former_name_rows import keep_former_name
from mercato.identity.handover import find_obstacle
from mercato.identity.local_ways import LocalWays
from mercato.identity.models import User
from mercato.identity.news import PersonProvisioned, UserChanged
from mercato.identity.people_rows import PeopleRows
from mercato.identity.permissions import Permission
from mercato.identity.repository import IdentityRepository
from mercato.identity.scim_facts import Found, GroupRef, KnownScimPerson, PersonFacts, facts_of_person, write_person
from mercato.identity.scim_models import ScimPerson
from mercato.identity.scim_refusals import ScimAddressMissing, ScimAdministratorKept, ScimMemberKept, ScimTaken
from mercato.identity.scim_roles import ScimRoles
from mercato.identity.scim_rows import ScimRows, Window
from mercato.identity.standing_rows import StandingRows
from mercato.platform import Clock, Ids, NotFound, Outbox, Session
from mercato_contracts import ids as id_prefix

if TYPE_CHECKING:
    from scim2_models.path import FilterNode

    from mercato.identity.scim_filter_rows import Condition


class ScimPeople:
    """People of one transaction. Changes of one organisation are one after the other."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = ScimRows(session)
        self._identities = IdentityRepository(session)
        self._standing = StandingRows(session)
        self._ways = LocalWays(session)
        self._roles = ScimRoles(session, clock, outbox)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def page(self, caller: Caller, search: "FilterNode | None", window: Window) -> Found[KnownScimPerson]:
        """Those whom the filter finds, the oldest first. Raises `ScimFilterRefused`."""
        caller.require(Permission.PEOPLE_PROVISION)
        condition = _condition(search)
        rows, total = await self._rows.page_of_people(caller.organisation_id, condition, window)
        groups = await self._rows.groups_of([user.id for user, _ in rows]) if rows else {}
        return Found([_known(user, row, groups.get(user.id, [])) for user, row in rows], total)

    async def get(self, caller: Caller, user_id: str) -> KnownScimPerson:
        """Raises `NotFound`."""
        caller.require(Permission.PEOPLE_PROVISION)
        user, row = await self._find(caller, user_id)
        return await self._view(user, row)

    async def lock(self, caller: Caller) -> None:
        """Until the transaction ends nobody else changes who is in the organisation."""
        caller.require(Permission.PEOPLE_PROVISION)
        await self._standing.lock_organisation(caller.organisation_id)

    async def add(self, caller: Caller, facts: PersonFacts) -> KnownScimPerson:
        """A new person, or one whom the provider removed before. Raises `ScimTaken`, `ScimAddressMissing`."""
        await self.lock(caller)
        email = _address(facts)
        await self._require_free_name(caller, facts, but="")
        removed = await self._rows.find_removed(caller.organisation_id, email)
        if removed is not None:
            return await self._bring_back(caller, *removed, facts)
        if await self._identities.find_user_by_email(email) is not None:
            raise ScimTaken("Somebody with this address is here already.")
        now = self._clock.now()
        settings = await self._roles.settings_of(caller.organisation_id)
        user = User(
            id=self._ids.new(id_prefix.USER), organisation_id=caller.organisation_id, email=email, name=facts.name,
            role=settings.default_role, password_hash=None, created_at=now,
        )  # fmt: skip
        if not await self._identities.add_new(user):
            raise ScimTaken("Somebody with this address is here already.")
        row = ScimPerson(user_id=user.id, organisation_id=user.organisation_id, is_led=True, created_at=now)
        write_person(row, facts, now)
        self._rows.add(row)
        await self._rows.flush()
        await self._tell(caller, user, "added")
        await self._follow_active(caller, user, row, active=facts.active)
        return await self._view(user, row)

    async def change(self, caller: Caller, user_id: str, facts: PersonFacts) -> KnownScimPerson:
        """What the provider says now. `active` false ends sessions, and the keys that the person made, at once.

        Raises `NotFound`, `ScimTaken`, `ScimAddressMissing`, `ScimAdministratorKept`, `ScimMemberKept`,
        `LastAdministrator`.
        """
        await self.lock(caller)
        user, row = await self._find(caller, user_id)
        if facts != facts_of_person(user, row):
            email = _address(facts)
            await self._require_free_name(caller, facts, but=user.id)
            await self._keep_former_name(user, email, facts.name)
            await self._move(user, email)
            row = row or self._adopt(user)
            write_person(row, facts, self._clock.now())
            user.name = facts.name
            self._rows.add(row)
            await self._rows.flush()
            await self._tell(caller, user, "changed")
            await self._follow_active(caller, user, row, active=facts.active)
        return await self._view(user, row)

    async def remove(self, caller: Caller, user_id: str) -> None:
        """The person is disabled, leaves all groups, and is found no more. Raises `NotFound`, `LastAdministrator`."""
        await self.lock(caller)
        user, row = await self._find(caller, user_id)
        if row is None:
            row = self._adopt(user)
            write_person(row, facts_of_person(user, None), self._clock.now())
            self._rows.add(row)
        await self._follow_active(caller, user, row, active=False)
        await self._rows.leave_all_groups(user.id)
        row.removed_at = row.changed_at = self._clock.now()
        await self._tell(caller, user, "removed")

    async def _bring_back(self, caller: Caller, user: User, row: ScimPerson, facts: PersonFacts) -> KnownScimPerson:
        """Whoever comes back begins with the role of new people. Keys that were revoked stay revoked.

        Whom an administrator let in again meanwhile keeps the role that people gave them.
        """
        settings = await self._roles.settings_of(caller.organisation_id)
        row.removed_at, row.is_led = None, user.disabled_at is not None
        write_person(row, facts, self._clock.now())
        await self._keep_former_name(user, user.email, facts.name)
        user.name, before = facts.name, user.role
        if row.is_led and before != settings.default_role:
            user.role = settings.default_role
            await self._tell_user(caller, user, "role", {"role": before}, {"role": user.role})
        await self._rows.flush()
        await self._tell(caller, user, "added")
        await self._follow_active(caller, user, row, active=facts.active)
        return await self._view(user, row)

    async def _follow_active(self, caller: Caller, user: User, row: ScimPerson, *, active: bool) -> None:
        """Only what the provider disabled does it enable again: an administrator's decision stays."""
        if not active:
            if user.disabled_at is not None:
                return
            await self._ways.keep_one(user)
            row.disabled_at = user.disabled_at = self._clock.now()
            await end_access(
                self._session, self._clock, self._outbox, user.id, by=caller.actor, organisation_id=user.organisation_id
            )
            await self._tell_user(caller, user, "disabled", {"disabled": False}, {"disabled": True})
        elif user.disabled_at is not None and user.disabled_at == row.disabled_at:
            row.disabled_at = user.disabled_at = None
            await self._tell_user(caller, user, "enabled", {"disabled": True}, {"disabled": False})

    async def _move(self, user: User, email: str) -> None:
        """To another address. Links that were sent to the old one work no more."""
        if email == user.email:
            return
        obstacle = await find_obstacle(self._session, user)
        if obstacle == "administrator":
            raise ScimAdministratorKept(f"{user.name} is an administrator.")
        if obstacle == "member_elsewhere":
            raise ScimMemberKept(f"{user.name} belongs to another organisation too.")
        if await self._identities.find_user_by_email(email) is not None:
            raise ScimTaken("Somebody with this address is here already.")
        user.email = email
        await PeopleRows(self._session).void_resets(user.id, self._clock.now())

    async def _keep_former_name(self, user: User, email: str, name: str) -> None:
        if (email, name) != (user.email, user.name):
            await keep_former_name(self._session, user, self._clock.now())

    def _adopt(self, user: User) -> ScimPerson:
        """A person who was here before the provider: their role stays people's affair."""
        return ScimPerson(
            user_id=user.id, organisation_id=user.organisation_id, is_led=False, created_at=self._clock.now()
        )

    async def _require_free_name(self, caller: Caller, facts: PersonFacts, *, but: str) -> None:
        if await self._rows.has_user_name(caller.organisation_id, facts.user_name.lower(), but):
            raise ScimTaken("Somebody with this user name is here already.")

    async def _find(self, caller: Caller, user_id: str) -> tuple[User, ScimPerson | None]:
        found = await self._rows.find_person(caller.organisation_id, user_id)
        if found is None:
            raise NotFound(f"Your organisation has no person {user_id}.", user=user_id)
        return found

    async def _view(self, user: User, row: ScimPerson | None) -> KnownScimPerson:
        groups = await self._rows.groups_of([user.id])
        return _known(user, row, groups.get(user.id, []))

    async def _tell(self, caller: Caller, user: User, change: str) -> None:
        news = PersonProvisioned(by=caller.actor, user_id=user.id, organisation_id=user.organisation_id, change=change)
        await self._outbox.add(self._session, news)

    async def _tell_user(
        self, caller: Caller, user: User, change: str, before: dict[str, str | bool], after: dict[str, str | bool]
    ) -> None:
        news = UserChanged(
            by=caller.actor, user_id=user.id, organisation_id=user.organisation_id, change=change,
            before=before, after=after,
        )  # fmt: skip
        await self._outbox.add(self._session, news)


def _address(facts: PersonFacts) -> str:
    if facts.address is None:
        raise ScimAddressMissing("The person has no mail address.")
    return facts.address


def _known(user: User, row: ScimPerson | None, groups: Sequence[GroupRef]) -> KnownScimPerson:
    changed_at = user.created_at if row is None else row.changed_at
    return KnownScimPerson(user.id, facts_of_person(user, row), user.created_at, changed_at, tuple(groups))


def _condition(search: "FilterNode | None") -> "Condition | None":
    if search is None:
        return None
    from mercato.identity.scim_filter_rows import PEOPLE, condition_of

    return condition_of(search, PEOPLE)
