"""Discovery's questions to the database."""

from collections.abc import Sequence

from sqlalchemy import select

from mercato.discovery.models import ListingRow
from mercato.platform import Session


class ListingRepository:
    """Indexed listings, in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def save(self, row: ListingRow) -> None:
        """Add the row or replace the one of the same service."""
        await self._session.merge(row)

    async def find_many(self, service_ids: Sequence[str]) -> dict[str, ListingRow]:
        """The rows of these services, by service id."""
        rows = await self._session.scalars(select(ListingRow).where(ListingRow.service_id.in_(service_ids)))
        return {row.service_id: row for row in rows}

    async def list_digests(self, after: str, limit: int) -> list[tuple[str, str, bool]]:
        """`(service id, digest, withdrawn)` of the next services in the order of their ids."""
        rows = await self._session.execute(
            select(ListingRow.service_id, ListingRow.digest, ListingRow.withdrawn)
            .where(ListingRow.service_id > after)
            .order_by(ListingRow.service_id)
            .limit(limit)
        )
        return [(service_id, digest, withdrawn) for service_id, digest, withdrawn in rows]
