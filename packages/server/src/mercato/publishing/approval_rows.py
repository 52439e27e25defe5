"""Questions to the database about what people decide: how many wait, and what was decided."""

from sqlalchemy import func, select

from mercato.platform import Session
from mercato.publishing.models import Approval


class ApprovalRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def count_pending(self) -> int:
        query = select(func.count()).select_from(Approval).where(Approval.state == "pending")
        return await self._session.scalar(query) or 0

    async def list_decided(self, before: str | None, limit: int) -> list[Approval]:
        """By people, the newest submission first."""
        by_people = (Approval.state != "pending") & (Approval.required_people > 0)
        query = select(Approval).where(by_people).order_by(Approval.submission_id.desc()).limit(limit)
        if before is not None:
            query = query.where(Approval.submission_id < before)
        return list(await self._session.scalars(query))


async def count_waiting(session: Session) -> int:
    """How many submissions wait for a person: for the marketplace's own figures."""
    return await ApprovalRows(session).count_pending()
