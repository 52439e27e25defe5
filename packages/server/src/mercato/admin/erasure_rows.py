"""The admin room's questions to the database about legal holds and erasures."""

from collections.abc import Mapping

from sqlalchemy import select

from mercato.admin.models import Erasure, LegalHold
from mercato.platform import Session


class ErasureRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: Erasure | LegalHold) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def find(self, erasure_id: str, *, lock: bool = False) -> Erasure | None:
        query = select(Erasure).where(Erasure.id == erasure_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def find_of(self, person_id: str) -> Erasure | None:
        return await self._session.scalar(select(Erasure).where(Erasure.person_id == person_id))

    async def page(self, organisation_id: str | None, before: str | None, limit: int) -> list[Erasure]:
        """The newest first, of one organisation or of all."""
        query = select(Erasure).order_by(Erasure.id.desc()).limit(limit)
        if organisation_id is not None:
            query = query.where(Erasure.organisation_id == organisation_id)
        return list(await self._session.scalars(query if before is None else query.where(Erasure.id < before)))

    async def note(self, erasure_id: str, counts: Mapping[str, int]) -> Erasure:
        """What a step did. A step that runs again finds less to do, so the larger count stays."""
        row = await self.find(erasure_id, lock=True)
        assert row is not None
        row.counts = row.counts | {name: max(count, row.counts.get(name, 0)) for name, count in counts.items()}
        return row

    async def find_hold(self, person_id: str, *, lock: bool = False) -> LegalHold | None:
        """The hold in force."""
        query = select(LegalHold).where(LegalHold.person_id == person_id, LegalHold.lifted_at.is_(None))
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def holds(self, before: str | None, limit: int) -> list[LegalHold]:
        """The newest first, lifted ones too."""
        query = select(LegalHold).order_by(LegalHold.id.desc()).limit(limit)
        return list(await self._session.scalars(query if before is None else query.where(LegalHold.id < before)))

    async def unfinished(self) -> list[str]:
        """Erasures under way, the oldest first."""
        return list(await self._session.scalars(select(Erasure.id).where(Erasure.ended_at.is_(None))))
