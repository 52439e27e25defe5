"""Questions to the database about rows that are past their time, in any table that the data map gives one."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, delete, func, select, text, tuple_

from mercato.platform import Keep, Session


class RetentionRows:
    """Rows of one transaction."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._session = session
        self._now = now

    async def count(self, table: Table, keep: Keep) -> int:
        """Rows that are past their time."""
        return await self._session.scalar(select(func.count()).select_from(table).where(self._past(table, keep))) or 0

    async def prune(self, table: Table, keep: Keep, limit: int) -> int:
        """Delete the first of them; how many. Two who do so at once take different ones."""
        key = list(table.primary_key.columns)
        chosen = select(*key).where(self._past(table, keep)).limit(limit).with_for_update(skip_locked=True)
        gone = await self._session.execute(delete(table).where(tuple_(*key).in_(chosen)).returning(text("1")))
        return len(gone.all())

    def _past(self, table: Table, keep: Keep) -> ColumnElement[bool]:
        """What has no such time yet is never past it."""
        return table.columns[keep.since] < self._now - timedelta(days=keep.days)
