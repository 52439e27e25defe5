"""Questions to the database about what identity providers keep by SCIM."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from mercato.identity.models import Organisation, User
from mercato.identity.scim_facts import GroupRef
from mercato.identity.scim_models import ScimGroup, ScimMember, ScimPerson, ScimSettings, ScimToken
from mercato.platform import Session

Condition = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of what was found is answered: `limit` rows after the first `offset`."""

    offset: int
    limit: int


class ScimRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: ScimToken | ScimSettings | ScimPerson | ScimGroup | User) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def flush(self) -> None:
        await self._session.flush()

    async def find_token(self, token_id: str) -> tuple[ScimToken, Organisation] | None:
        found = await self._session.execute(
            select(ScimToken, Organisation)
            .join(Organisation, Organisation.id == ScimToken.organisation_id)
            .where(ScimToken.id == token_id)
        )
        row = found.one_or_none()
        return None if row is None else (row[0], row[1])

    async def list_tokens(self, organisation_id: str, after: str | None, limit: int) -> list[ScimToken]:
        query = select(ScimToken).where(ScimToken.organisation_id == organisation_id).order_by(ScimToken.id)
        query = query if after is None else query.where(ScimToken.id > after)
        return list(await self._session.scalars(query.limit(limit)))

    async def count_tokens_in_force(self, organisation_id: str, now: datetime) -> int:
        in_force = ScimToken.expires_at.is_(None) | (ScimToken.expires_at > now)
        query = select(func.count()).where(
            ScimToken.organisation_id == organisation_id, ScimToken.revoked_at.is_(None), in_force
        )
        return await self._session.scalar(query) or 0

    async def find_settings(self, organisation_id: str) -> ScimSettings | None:
        return await self._session.get(ScimSettings, organisation_id)

    async def find_person(self, organisation_id: str, user_id: str) -> tuple[User, ScimPerson | None] | None:
        """A person of the organisation whom the provider did not remove; read anew, the organisation is locked."""
        query = _people(organisation_id).where(User.id == user_id).execution_options(populate_existing=True)
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else (row[0], row[1])

    async def find_removed(self, organisation_id: str, email: str) -> tuple[User, ScimPerson] | None:
        """Somebody with this address whom the provider removed."""
        query = (
            select(User, ScimPerson)
            .join(ScimPerson, ScimPerson.user_id == User.id)
            .where(
                User.organisation_id == organisation_id, User.email == email.lower(), ScimPerson.removed_at.is_not(None)
            )
        )
        row = (await self._session.execute(query)).one_or_none()
        return None if row is None else (row[0], row[1])

    async def has_user_name(self, organisation_id: str, name_key: str, but: str) -> bool:
        """Whether somebody else has this user name."""
        name = func.coalesce(ScimPerson.name_key, User.email)
        query = _people(organisation_id).where(name == name_key, User.id != but).limit(1)
        return (await self._session.execute(query)).first() is not None

    async def page_of_people(
        self, organisation_id: str, condition: Condition | None, window: Window
    ) -> tuple[list[tuple[User, ScimPerson | None]], int]:
        """The oldest first, and how many there are in all."""
        query = _people(organisation_id)
        query = query if condition is None else query.where(condition)
        total = await self._session.scalar(
            select(func.count()).select_from(query.with_only_columns(User.id).subquery())
        )
        rows = await self._session.execute(query.order_by(User.id).offset(window.offset).limit(window.limit))
        return [(row[0], row[1]) for row in rows], total or 0

    async def led_people(self, organisation_id: str, among: Collection[str] | None = None) -> list[User]:
        """Everybody whose role the groups give, or those among these."""
        query = (
            select(User)
            .join(ScimPerson, ScimPerson.user_id == User.id)
            .where(User.organisation_id == organisation_id, ScimPerson.is_led, ScimPerson.removed_at.is_(None))
            .order_by(User.id)
        )
        return list(await self._session.scalars(query if among is None else query.where(User.id.in_(among))))

    async def groups_of(self, user_ids: Collection[str]) -> dict[str, list[GroupRef]]:
        """By person, in the order of their names."""
        query = (
            select(ScimMember.user_id, ScimGroup.id, ScimGroup.display_name)
            .join(ScimGroup, ScimGroup.id == ScimMember.group_id)
            .where(ScimMember.user_id.in_(user_ids))
            .order_by(ScimGroup.name_key)
        )
        found: dict[str, list[GroupRef]] = {}
        for user_id, group_id, name in await self._session.execute(query):
            found.setdefault(user_id, []).append(GroupRef(group_id, name))
        return found

    async def leave_all_groups(self, user_id: str) -> None:
        await self._session.execute(delete(ScimMember).where(ScimMember.user_id == user_id))

    async def find_group(self, organisation_id: str, group_id: str) -> ScimGroup | None:
        """Read anew: the organisation is locked."""
        query = select(ScimGroup).where(ScimGroup.id == group_id, ScimGroup.organisation_id == organisation_id)
        return await self._session.scalar(query.execution_options(populate_existing=True))

    async def has_group_name(self, organisation_id: str, name_key: str, but: str) -> bool:
        """Whether another group has this name."""
        query = select(ScimGroup.id).where(
            ScimGroup.organisation_id == organisation_id, ScimGroup.name_key == name_key, ScimGroup.id != but
        )
        return (await self._session.scalar(query)) is not None

    async def page_of_groups(
        self, organisation_id: str, condition: Condition | None, window: Window
    ) -> tuple[Sequence[ScimGroup], int]:
        """The oldest first, and how many there are in all."""
        query = select(ScimGroup).where(ScimGroup.organisation_id == organisation_id)
        query = query if condition is None else query.where(condition)
        total = await self._session.scalar(
            select(func.count()).select_from(query.with_only_columns(ScimGroup.id).subquery())
        )
        found = await self._session.scalars(query.order_by(ScimGroup.id).offset(window.offset).limit(window.limit))
        return list(found), total or 0

    async def members_of(self, group_ids: Collection[str]) -> dict[str, dict[str, str]]:
        """By group, the names of its members by id."""
        query = (
            select(ScimMember.group_id, User.id, User.name)
            .join(User, User.id == ScimMember.user_id)
            .where(ScimMember.group_id.in_(group_ids))
            .order_by(User.id)
        )
        found: dict[str, dict[str, str]] = {}
        for group_id, user_id, name in await self._session.execute(query):
            found.setdefault(group_id, {})[user_id] = name
        return found

    async def known_people(self, organisation_id: str, user_ids: Collection[str]) -> list[User]:
        """Those of these ids who are people of the organisation."""
        query = _people(organisation_id).with_only_columns(User).where(User.id.in_(user_ids))
        return list(await self._session.scalars(query))

    async def join_group(self, group_id: str, user_ids: Collection[str]) -> None:
        rows = [{"group_id": group_id, "user_id": user_id} for user_id in user_ids]
        await self._session.execute(insert(ScimMember).on_conflict_do_nothing(), rows)

    async def leave_group(self, group_id: str, user_ids: Collection[str]) -> None:
        await self._session.execute(
            delete(ScimMember).where(ScimMember.group_id == group_id, ScimMember.user_id.in_(user_ids))
        )

    async def delete_group(self, group: ScimGroup) -> None:
        await self._session.delete(group)
        await self._session.flush()


def _people(organisation_id: str) -> Select[User, ScimPerson]:
    """Everybody of the organisation whom the provider did not remove. Machines are no people."""
    return (
        select(User, ScimPerson)
        .outerjoin(ScimPerson, ScimPerson.user_id == User.id)
        .where(
            and_(
                User.organisation_id == organisation_id,
                ScimPerson.removed_at.is_(None),
                User.role != "service_account",
            )
        )
    )
