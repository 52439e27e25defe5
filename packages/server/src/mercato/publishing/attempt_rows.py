"""Questions to the database about attempts at phases."""

from sqlalchemy import ColumnElement, delete, update
from sqlalchemy.dialects.postgresql import insert

from mercato.platform import Session
from mercato.publishing.models import PhaseAttempts


class AttemptRepository:
    """How often each phase was started without finishing."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, submission_id: str, phase: int, count: int) -> int:
        """Count `count` more; returns the new total."""
        row = insert(PhaseAttempts).values(submission_id=submission_id, phase=phase, begun=1)
        counted = row.on_conflict_do_update(
            index_elements=["submission_id", "phase"], set_={"begun": PhaseAttempts.begun + count}
        )
        begun: int | None = await self._session.scalar(counted.returning(PhaseAttempts.begun))
        assert begun is not None
        return begun

    async def take_back(self, submission_id: str, phase: int) -> None:
        await self._session.execute(
            update(PhaseAttempts).where(_of(submission_id, phase)).values(begun=PhaseAttempts.begun - 1)
        )

    async def forget(self, submission_id: str, phase: int) -> None:
        await self._session.execute(delete(PhaseAttempts).where(_of(submission_id, phase)))


def _of(submission_id: str, phase: int) -> ColumnElement[bool]:
    return (PhaseAttempts.submission_id == submission_id) & (PhaseAttempts.phase == phase)
