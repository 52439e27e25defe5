"""Questions to the database about service accounts."""

from collections.abc import Collection

from sqlalchemy import func, select

from mercato.identity.models import Key
from mercato.identity.service_account_models import ServiceAccount
from mercato.platform import Session


class ServiceAccountRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, row: ServiceAccount) -> None:
        """Write the row now."""
        self._session.add(row)
        await self._session.flush()

    async def is_taken(self, organisation_id: str, name: str) -> bool:
        """Whether one of this name is there, in upper or lower case."""
        query = select(ServiceAccount.id).where(
            ServiceAccount.organisation_id == organisation_id, func.lower(ServiceAccount.name) == func.lower(name)
        )
        return await self._session.scalar(query.limit(1)) is not None

    async def page(self, organisation_id: str, after: str | None, limit: int) -> list[ServiceAccount]:
        """In the order they were made."""
        query = select(ServiceAccount).where(ServiceAccount.organisation_id == organisation_id)
        query = query.order_by(ServiceAccount.id).limit(limit)
        return list(await self._session.scalars(query if after is None else query.where(ServiceAccount.id > after)))

    async def find(self, organisation_id: str, account_id: str, *, lock: bool = False) -> ServiceAccount | None:
        """Locked, it is read anew: it may have been disabled a moment ago."""
        query = select(ServiceAccount).where(
            ServiceAccount.id == account_id, ServiceAccount.organisation_id == organisation_id
        )
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        return await self._session.scalar(query)

    async def count(self, organisation_id: str) -> int:
        query = select(func.count()).where(ServiceAccount.organisation_id == organisation_id)
        return await self._session.scalar(query) or 0

    async def keys_in_force(self, account_id: str) -> list[Key]:
        """Its keys that nobody revoked, locked."""
        query = select(Key).where(Key.service_account_id == account_id, Key.revoked_at.is_(None))
        query = query.order_by(Key.id).with_for_update().execution_options(populate_existing=True)
        return list(await self._session.scalars(query))

    async def count_keys(self, account_ids: Collection[str]) -> dict[str, int]:
        """How many keys of each were not revoked; the rotated and expired ones count."""
        query = (
            select(Key.service_account_id, func.count())
            .where(Key.service_account_id.in_(account_ids), Key.revoked_at.is_(None))
            .group_by(Key.service_account_id)
        )
        return {str(row[0]): row[1] for row in await self._session.execute(query)}

    async def names(self, account_ids: Collection[str]) -> dict[str, str]:
        """By id."""
        query = select(ServiceAccount.id, ServiceAccount.name).where(ServiceAccount.id.in_(account_ids))
        return {row[0]: row[1] for row in await self._session.execute(query)}
