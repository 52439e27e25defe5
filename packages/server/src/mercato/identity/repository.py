"""Identity's questions to the database."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import case, delete, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from mercato.identity.models import (
    DeploymentAllowance,
    DeploymentToken,
    DeviceLogin,
    FailedAttempts,
    Key,
    LoginSession,
    Organisation,
    User,
)
from mercato.platform import Session


class IdentityRepository:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Organisation | User | LoginSession | DeviceLogin | Key | DeploymentToken) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def flush(self) -> None:
        """Send what was added, so that the database's own checks speak now."""
        await self._session.flush()

    async def add_new(self, row: Organisation | User) -> bool:
        """Write the row now; `False` where another transaction was first, and nothing else is undone."""
        try:
            async with self._session.begin_nested():
                self._session.add(row)
                await self._session.flush()
        except IntegrityError:
            return False
        return True

    async def find_organisation(self, organisation_id: str) -> Organisation | None:
        return await self._session.get(Organisation, organisation_id)

    async def is_suspended(self, organisation_id: str) -> bool:
        """Locked against changes of the row, which others may read and lock like this too."""
        query = select(Organisation.suspended_at).where(Organisation.id == organisation_id)
        return await self._session.scalar(query.with_for_update(read=True)) is not None

    async def find_organisations(self, ids: Collection[str]) -> list[Organisation]:
        return list(await self._session.scalars(select(Organisation).where(Organisation.id.in_(ids))))

    async def party_names(self, organisations: Collection[str], keys: Collection[str]) -> dict[str, str]:
        """Short names of organisations and names of keys by id. Nothing is asked where nothing is named."""
        slugs = select(Organisation.id, Organisation.slug).where(Organisation.id.in_(organisations))
        names = select(Key.id, Key.name).where(Key.id.in_(keys))
        rows = await self._session.execute(slugs.union_all(names)) if organisations or keys else ()
        return {row[0]: row[1] for row in rows}

    async def find_organisation_by_slug(self, slug: str) -> Organisation | None:
        return await self._session.scalar(select(Organisation).where(Organisation.slug == slug))

    async def slugs_with(self, words: Collection[str], most: int) -> dict[str, str]:
        """Id and short name of organisations whose short name holds one of these words."""
        holds = or_(*(Organisation.slug.icontains(word, autoescape=True) for word in words))
        query = select(Organisation.id, Organisation.slug).where(holds).order_by(Organisation.id).limit(most)
        return {row[0]: row[1] for row in await self._session.execute(query)}

    async def find_operator(self) -> Organisation | None:
        return await self._session.scalar(select(Organisation).where(Organisation.is_operator))

    async def find_user(self, user_id: str) -> User | None:
        return await self._session.get(User, user_id)

    async def find_user_by_email(self, email: str) -> User | None:
        return await self._session.scalar(select(User).where(User.email == email.lower()))

    async def list_users(self, organisation_id: str) -> list[User]:
        return list(
            await self._session.scalars(select(User).where(User.organisation_id == organisation_id).order_by(User.id))
        )

    async def find_login_session(self, session_id: str, *, lock: bool = False) -> LoginSession | None:
        query = select(LoginSession).where(LoginSession.id == session_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def find_device_login(self, *, lock: bool = False, **by: str) -> DeviceLogin | None:
        """By one column that tells it apart: `device_digest`, `user_code` or `confirmation_digest`."""
        query = select(DeviceLogin).filter_by(**by)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def forget_device_logins(self, before: datetime) -> int:
        gone = await self._session.execute(
            delete(DeviceLogin).where(DeviceLogin.expires_at < before).returning(DeviceLogin.id)
        )
        return len(gone.all())

    async def find_key(self, key_id: str, *, lock: bool = False) -> Key | None:
        query = select(Key).where(Key.id == key_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def key_owners(self, ids: Collection[str]) -> dict[str, str]:
        rows = await self._session.execute(select(Key.id, Key.organisation_id).where(Key.id.in_(ids)))
        return {row[0]: row[1] for row in rows}

    async def later_lineages(self) -> dict[str, str]:
        """The lineage of each key that is not the first of it."""
        rows = await self._session.execute(select(Key.id, Key.lineage_id).where(Key.id != Key.lineage_id))
        return {row[0]: row[1] for row in rows}

    async def newest_keys(self, key_ids: Collection[str]) -> dict[str, str]:
        """For each of these keys the id of the one in its lineage that was not rotated yet."""
        newest = aliased(Key)
        query = (
            select(Key.id, newest.id)
            .join(newest, (newest.lineage_id == Key.lineage_id) & newest.rotated_to.is_(None))
            .where(Key.id.in_(key_ids))
        )
        return {row[0]: row[1] for row in await self._session.execute(query)}

    async def keys_of_lineage(self, organisation_id: str, key_id: str) -> list[str]:
        one = aliased(Key)
        query = (
            select(Key.id)
            .join(one, one.lineage_id == Key.lineage_id)
            .where(one.id == key_id, Key.organisation_id == organisation_id, one.organisation_id == organisation_id)
            .order_by(Key.id)
        )
        return list(await self._session.scalars(query))

    async def list_keys(self, organisation_id: str | None, after: str | None, limit: int) -> list[Key]:
        """Of one organisation, or of all."""
        query = select(Key).order_by(Key.id).limit(limit)
        if organisation_id is not None:
            query = query.where(Key.organisation_id == organisation_id)
        return list(await self._session.scalars(query if after is None else query.where(Key.id > after)))

    async def find_token(self, token_id: str, *, lock: bool = False) -> DeploymentToken | None:
        query = select(DeploymentToken).where(DeploymentToken.id == token_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def find_token_with_subject(self, token_id: str) -> tuple[DeploymentToken, Key, Organisation] | None:
        """The token, the key that it was exchanged for, and whose both are."""
        rows = await self._session.execute(
            select(DeploymentToken, Key, Organisation)
            .join(Key, Key.id == DeploymentToken.subject_key_id)
            .join(Organisation, Organisation.id == DeploymentToken.organisation_id)
            .where(DeploymentToken.id == token_id)
        )
        found = rows.one_or_none()
        return None if found is None else (found[0], found[1], found[2])

    async def list_tokens(
        self, organisation_id: str, deployment_id: str, after: str | None, limit: int
    ) -> list[DeploymentToken]:
        query = (
            select(DeploymentToken)
            .where(DeploymentToken.organisation_id == organisation_id, DeploymentToken.deployment_id == deployment_id)
            .order_by(DeploymentToken.id)
            .limit(limit)
        )
        return list(await self._session.scalars(query if after is None else query.where(DeploymentToken.id > after)))

    async def take_allowance(
        self, deployment_id: str, now: datetime, *, one: timedelta, whole: timedelta
    ) -> datetime | None:
        """When the bucket is full again after this request; `None`, and nothing taken, where it is empty."""
        full_at = func.greatest(DeploymentAllowance.full_at, now) + one
        return await self._session.scalar(
            insert(DeploymentAllowance)
            .values(deployment_id=deployment_id, full_at=now + one)
            .on_conflict_do_update(
                index_elements=[DeploymentAllowance.deployment_id],
                set_={"full_at": full_at},
                where=full_at <= now + whole,
            )
            .returning(DeploymentAllowance.full_at)
        )

    async def find_blocked_until(self, name: str) -> datetime | None:
        return await self._session.scalar(select(FailedAttempts.blocked_until).where(FailedAttempts.name == name))

    async def count_failure(
        self, name: str, now: datetime, *, free: int, longest: timedelta, forgotten: timedelta
    ) -> None:
        """One more; from the one numbered `free` on the name is blocked for a second, then twice as long each time."""
        old = FailedAttempts.failed_at <= now - forgotten
        failures = case((old, 1), else_=FailedAttempts.failures + 1)
        # The exponent is bounded: a power beyond every number is no wait.
        seconds = func.least(func.power(2, func.least(failures - free, 30)), longest.total_seconds())
        wait = case((failures < free, timedelta(0)), else_=func.make_interval(0, 0, 0, 0, 0, 0, seconds))
        first = {"name": name, "failures": 1, "failed_at": now, "blocked_until": now}
        await self._session.execute(
            insert(FailedAttempts)
            .values(first)
            .on_conflict_do_update(
                index_elements=[FailedAttempts.name],
                set_={"failures": failures, "failed_at": now, "blocked_until": literal(now) + wait},
            )
        )

    async def forget_failures(self, *, name: str | None = None, before: datetime | None = None) -> int:
        """Of one name, or all whose last one lies before a time; how many names."""
        which = FailedAttempts.name == name if before is None else FailedAttempts.failed_at < before
        gone = await self._session.execute(delete(FailedAttempts).where(which).returning(FailedAttempts.name))
        return len(gone.all())

    async def find_allowance(self, deployment_id: str) -> datetime | None:
        """When the bucket is full again."""
        return await self._session.scalar(
            select(DeploymentAllowance.full_at).where(DeploymentAllowance.deployment_id == deployment_id)
        )
