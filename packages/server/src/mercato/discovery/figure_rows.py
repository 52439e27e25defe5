"""Questions about listings' figures."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ARRAY, Text, bindparam, func, or_, select

from mercato.discovery.models import ListingFigures
from mercato.platform import Session

_LOCK = 4_017_202_653  # any number, the same in every process that measures


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

    async def try_lock(self) -> bool:
        """Take the lock of whoever measures until the transaction ends; false if another process holds it."""
        return bool(await self._session.scalar(select(func.pg_try_advisory_xact_lock(_LOCK))))

    async def longest_unmeasured(self, service_ids: Collection[str], before: datetime, limit: int) -> list[str]:
        """Those of these services that were not measured since `before`: first those never measured, then by age."""
        # One array: the services that are called may be more than a statement may have parameters.
        asked = (
            func.unnest(bindparam("asked", sorted(service_ids), ARRAY(Text)))
            .table_valued("service_id")
            .render_derived()
        )
        measured = ListingFigures.measured_at
        query = (
            select(asked.c.service_id)
            .outerjoin(ListingFigures, ListingFigures.service_id == asked.c.service_id)
            .where(or_(measured.is_(None), measured < before))
            .order_by(measured.asc().nulls_first(), asked.c.service_id)
        )
        return list(await self._session.scalars(query.limit(limit)))

    async def stale(self, before: datetime, limit: int) -> list[str]:
        """Services with calls whose figures are older: they fall out of the thirty days."""
        query = select(ListingFigures.service_id).where(ListingFigures.measured_at < before, ListingFigures.calls > 0)
        return list(await self._session.scalars(query.order_by(ListingFigures.measured_at).limit(limit)))

    async def lock(self, service_id: str) -> None:
        """A lock of the service's name, which is there before its row is."""
        await self._session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(service_id, 53))))
