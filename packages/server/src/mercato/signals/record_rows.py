"""The SQL of the desk's record."""

from collections.abc import AsyncIterator, Sequence

from sqlalchemy import select

from mercato.platform import Session
from mercato.signals.models import DeskEvent


class RecordRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, line: DeskEvent) -> None:
        """Write it at once."""
        self._session.add(line)
        await self._session.flush()

    async def newest(self, subject: str | None, limit: int, before: int | None) -> Sequence[DeskEvent]:
        """The newest first; `before` a line's number."""
        query = select(DeskEvent).order_by(DeskEvent.number.desc()).limit(limit)
        if subject is not None:
            query = query.where(DeskEvent.subject == subject)
        if before is not None:
            query = query.where(DeskEvent.number < before)
        return (await self._session.scalars(query)).all()

    async def all_lines(self) -> AsyncIterator[DeskEvent]:
        """From the first on."""
        for line in await self._session.scalars(select(DeskEvent).order_by(DeskEvent.number)):
            yield line
