"""The SQL of analytics that were made."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from mercato.admin.analytics_models import AnalyticsReport, RefusalDay
from mercato.platform import Session


class AnalyticsRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def all(self) -> dict[str, AnalyticsReport]:
        """By name."""
        return {row.name: row for row in await self._session.scalars(select(AnalyticsReport))}

    async def add_refusals(self, counts: Mapping[tuple[datetime, str], int]) -> None:
        """To the sums of their days, by code; in one order, so that two workers do not wait for each other."""
        values = [{"at": at, "code": code, "refusals": count} for (at, code), count in sorted(counts.items())]
        new = insert(RefusalDay).values(values)
        await self._session.execute(
            new.on_conflict_do_update(
                index_elements=["at", "code"], set_={"refusals": RefusalDay.refusals + new.excluded.refusals}
            )
        )

    async def refusals(self, since: datetime, until: datetime) -> Sequence[tuple[datetime, str, int]]:
        """By day and code."""
        query = (
            select(RefusalDay.at, RefusalDay.code, func.sum(RefusalDay.refusals))
            .where(RefusalDay.at >= since, RefusalDay.at < until)
            .group_by(RefusalDay.at, RefusalDay.code)
            .order_by(RefusalDay.at, RefusalDay.code)
        )
        return [(row[0], row[1], int(row[2])) for row in await self._session.execute(query)]

    async def put(self, rows: list[AnalyticsReport]) -> None:
        """In place of those before; of two workers the later one's stay."""
        columns = [column.name for column in AnalyticsReport.__table__.columns]
        query = insert(AnalyticsReport).values([{name: getattr(row, name) for name in columns} for row in rows])
        kept = {name: query.excluded[name] for name in columns if name != "name"}
        await self._session.execute(
            query.on_conflict_do_update(
                index_elements=["name"], set_=kept, where=AnalyticsReport.made_at <= query.excluded.made_at
            )
        )
