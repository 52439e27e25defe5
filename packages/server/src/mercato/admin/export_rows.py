"""The admin room's questions to the database about copies of what is known of people."""

from datetime import datetime

from sqlalchemy import select

from mercato.admin.models import PersonExport
from mercato.platform import Session


class ExportRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: PersonExport) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def find(self, export_id: str, *, lock: bool = False) -> PersonExport | None:
        query = select(PersonExport).where(PersonExport.id == export_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def of_person(self, person_id: str) -> list[PersonExport]:
        """The newest first."""
        query = select(PersonExport).where(PersonExport.person_id == person_id).order_by(PersonExport.id.desc())
        return list(await self._session.scalars(query))

    async def under_way(self, person_id: str) -> PersonExport | None:
        """One that is not ready yet."""
        query = select(PersonExport).where(PersonExport.person_id == person_id, PersonExport.ready_at.is_(None))
        return await self._session.scalar(query.limit(1))

    async def take_expired(self, now: datetime, limit: int) -> list[PersonExport]:
        """Those whose link no longer works; two who ask at once get different ones."""
        query = select(PersonExport).where(PersonExport.expires_at <= now).limit(limit)
        return list(await self._session.scalars(query.with_for_update(skip_locked=True)))

    async def delete(self, row: PersonExport) -> None:
        await self._session.delete(row)
        await self._session.flush()
