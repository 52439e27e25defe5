"""Publishing's rows of many services and submissions at once."""

from collections.abc import Collection

from sqlalchemy import select

from mercato.platform import Session
from mercato.publishing.models import Approval, Service, Vote


class OversightRows:
    """Questions of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def listed_of_vendor(self, vendor_id: str, after: str, limit: int) -> list[Service]:
        """By id."""
        query = select(Service).where(Service.vendor_id == vendor_id, Service.status == "listed", Service.id > after)
        return list(await self._session.scalars(query.order_by(Service.id).limit(limit)))

    async def approvals(self, submission_ids: Collection[str]) -> dict[str, Approval]:
        """By submission, of those that came as far."""
        rows = await self._session.scalars(select(Approval).where(Approval.submission_id.in_(submission_ids)))
        return {row.submission_id: row for row in rows}

    async def votes_of(self, submission_ids: Collection[str]) -> dict[str, list[Vote]]:
        """By submission, in the order they were cast."""
        found: dict[str, list[Vote]] = {submission_id: [] for submission_id in submission_ids}
        query = select(Vote).where(Vote.submission_id.in_(submission_ids)).order_by(Vote.at, Vote.person)
        for row in await self._session.scalars(query):
            found[row.submission_id].append(row)
        return found
