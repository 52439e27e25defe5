"""The SQL of analytics that were made."""

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from mercato.admin.analytics_models import AnalyticsReport
from mercato.platform import Session


class AnalyticsRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def all(self) -> dict[str, AnalyticsReport]:
        """By name."""
        return {row.name: row for row in await self._session.scalars(select(AnalyticsReport))}

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
