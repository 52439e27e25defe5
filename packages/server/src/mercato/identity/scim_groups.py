"""The groups that an organisation's identity provider keeps here. They give roles where the settings say so."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from mercato.identity.caller import Caller
from mercato.identity.news import GroupProvisioned
from mercato.identity.permissions import Permission
from mercato.identity.scim_facts import Found, GroupFacts, KnownScimGroup, known_group
from mercato.identity.scim_models import ScimGroup
from mercato.identity.scim_refusals import ScimMemberUnknown, ScimTaken
from mercato.identity.scim_roles import ScimRoles
from mercato.identity.scim_rows import ScimRows, Window
from mercato.identity.standing_rows import StandingRows
from mercato.platform import Clock, Ids, NotFound, Outbox, Session
from mercato_contracts import ids as id_prefix

if TYPE_CHECKING:
    from scim2_models.path import FilterNode

    from mercato.identity.scim_filter_rows import Condition


class ScimGroups:
    """Groups of one transaction. Changes of one organisation are one after the other."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = ScimRows(session)
        self._standing = StandingRows(session)
        self._roles = ScimRoles(session, clock, outbox)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def page(self, caller: Caller, search: "FilterNode | None", window: Window) -> Found[KnownScimGroup]:
        """Those that the filter finds, the oldest first. Raises `ScimFilterRefused`."""
        caller.require(Permission.PEOPLE_PROVISION)
        condition = _condition(search)
        rows, total = await self._rows.page_of_groups(caller.organisation_id, condition, window)
        members = await self._rows.members_of([row.id for row in rows]) if rows else {}
        return Found([known_group(row, members.get(row.id, {})) for row in rows], total)

    async def get(self, caller: Caller, group_id: str) -> KnownScimGroup:
        """Raises `NotFound`."""
        caller.require(Permission.PEOPLE_PROVISION)
        return await self._view(await self._find(caller, group_id))

    async def lock(self, caller: Caller) -> None:
        """Until the transaction ends nobody else changes who is in the organisation."""
        caller.require(Permission.PEOPLE_PROVISION)
        await self._standing.lock_organisation(caller.organisation_id)

    async def add(self, caller: Caller, facts: GroupFacts) -> KnownScimGroup:
        """A new group. Raises `ScimTaken`, `ScimMemberUnknown`, `LastAdministrator`."""
        await self.lock(caller)
        await self._require_free_name(caller, facts, but="")
        now = self._clock.now()
        group = ScimGroup(
            id=self._ids.new(id_prefix.SCIM_GROUP), organisation_id=caller.organisation_id, created_at=now
        )
        self._write(group, facts)
        self._rows.add(group)
        await self._rows.flush()
        joined = await self._set_members(caller, group, joining=set(facts.members), leaving=set())
        await self._tell(caller, group, "added")
        return known_group(group, joined)

    async def take(self, caller: Caller, group_id: str) -> KnownScimGroup:
        """The group, which nobody else changes until the transaction ends. Raises `NotFound`."""
        await self.lock(caller)
        return await self.get(caller, group_id)

    async def change(self, caller: Caller, taken: KnownScimGroup, facts: GroupFacts) -> KnownScimGroup:
        """What the provider says now of a group that was taken; roles follow.

        Raises `NotFound`, `ScimTaken`, `ScimMemberUnknown`.
        """
        if _comparable(taken.facts) == _comparable(facts):
            return taken
        group = await self._find(caller, taken.id)
        await self._require_free_name(caller, facts, but=group.id)
        is_renamed = group.display_name != facts.display_name
        self._write(group, facts)
        await self._rows.flush()
        now, then = set(facts.members), set(taken.facts.members)
        touched = then if is_renamed else set()
        joined = await self._set_members(caller, group, joining=now - then, leaving=then - now, touched=touched)
        await self._tell(caller, group, "changed")
        names = {**taken.names, **joined}
        return known_group(group, {each: names[each] for each in sorted(now)})

    async def remove(self, caller: Caller, group_id: str) -> None:
        """Its members lose what it gave. Raises `NotFound`, `LastAdministrator`."""
        taken = await self.take(caller, group_id)
        group = await self._find(caller, group_id)
        await self._set_members(caller, group, joining=set(), leaving=set(taken.facts.members))
        await self._tell(caller, group, "removed")
        await self._rows.delete_group(group)

    async def _set_members(
        self,
        caller: Caller,
        group: ScimGroup,
        *,
        joining: Collection[str],
        leaving: Collection[str],
        touched: Collection[str] = (),
    ) -> dict[str, str]:
        """The names of those who join, by id."""
        joined: dict[str, str] = {}
        if joining:
            known = await self._rows.known_people(caller.organisation_id, joining)
            joined = {user.id: user.name for user in sorted(known, key=lambda user: user.id)}
            unknown = sorted(set(joining) - joined.keys())
            if unknown:
                raise ScimMemberUnknown(f"The organisation has no person {unknown[0][:80]}.")
            await self._rows.join_group(group.id, joining)
        if leaving:
            await self._rows.leave_group(group.id, leaving)
        changed = {*joining, *leaving, *touched}
        if changed:
            await self._roles.follow(caller, await self._rows.led_people(caller.organisation_id, changed))
        return joined

    def _write(self, group: ScimGroup, facts: GroupFacts) -> None:
        group.display_name, group.name_key = facts.display_name, facts.display_name.lower()
        group.external_id, group.changed_at = facts.external_id, self._clock.now()

    async def _require_free_name(self, caller: Caller, facts: GroupFacts, *, but: str) -> None:
        if await self._rows.has_group_name(caller.organisation_id, facts.display_name.lower(), but):
            raise ScimTaken(f"There is another group {facts.display_name[:80]}.")

    async def _find(self, caller: Caller, group_id: str) -> ScimGroup:
        group = await self._rows.find_group(caller.organisation_id, group_id)
        if group is None:
            raise NotFound(f"Your organisation has no group {group_id}.", group=group_id)
        return group

    async def _view(self, group: ScimGroup) -> KnownScimGroup:
        return known_group(group, (await self._rows.members_of([group.id])).get(group.id, {}))

    async def _tell(self, caller: Caller, group: ScimGroup, change: str) -> None:
        news = GroupProvisioned(
            by=caller.actor, group_id=group.id, organisation_id=group.organisation_id, change=change
        )
        await self._outbox.add(self._session, news)


def _comparable(facts: GroupFacts) -> tuple[str, str | None, frozenset[str]]:
    return facts.display_name, facts.external_id, frozenset(facts.members)


def _condition(search: "FilterNode | None") -> "Condition | None":
    if search is None:
        return None
    from mercato.identity.scim_filter_rows import GROUPS, condition_of

    return condition_of(search, GROUPS)
