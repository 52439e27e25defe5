"""Questions about listings' figures."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select

from mercato.discovery.models import ListingFigures
from mercato.platform import Session


class FigureRepository:
    """Figures of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find_many(self, service_ids: Collection[str]) -> dict[str, ListingFigures]:
        """Those of these services that have any, by service id."""
        rows = await self._session.scalars(select(ListingFigures).where(ListingFigures.service_id.in_(service_ids)))
        return {row.service_id: row for row in rows}

    async def save(self, row: ListingFigures) -> None:
        """Add the row or replace the one of the same service."""
        await self._session.merge(row)

    async def fresh(self, service_ids: Collection[str], since: datetime) -> set[str]:
        """Those of these services that were measured since."""
        query = select(ListingFigures.service_id).where(
            ListingFigures.service_id.in_(service_ids), ListingFigures.measured_at >= since
        )
        return set(await self._session.scalars(query))

    async def stale(self, before: datetime, limit: int) -> list[str]:
        """Services with calls whose figures are older: they fall out of the thirty days."""
        query = select(ListingFigures.service_id).where(ListingFigures.measured_at < before, ListingFigures.calls > 0)
        return list(await self._session.scalars(query.order_by(ListingFigures.measured_at).limit(limit)))

    async def lock(self, service_id: str) -> None:
        """A lock of the service's name, which is there before its row is."""
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(service_id, 53))))
