"""The SQL of disputes of single calls."""

from typing import Literal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from mercato.billing.dispute_models import CallDispute
from mercato.platform import Question, Session

DisputeSide = Literal["consumer", "vendor", "marketplace"]


class DisputeRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, row: CallDispute) -> bool:
        """Write it unless the call has one that was not withdrawn; returns whether it was written."""
        values = {column.name: getattr(row, column.name) for column in CallDispute.__table__.columns}
        query = insert(CallDispute).values(values).on_conflict_do_nothing().returning(CallDispute.id)
        return await self._session.scalar(query) is not None

    async def find(self, dispute_id: str) -> CallDispute | None:
        return await self._session.get(CallDispute, dispute_id)

    async def lock(self, dispute_id: str) -> CallDispute | None:
        """The row as it is once everybody before has finished with it."""
        return await self._session.get(CallDispute, dispute_id, with_for_update=True, populate_existing=True)

    async def flush(self) -> None:
        await self._session.flush()

    async def latest_of(self, event_id: str) -> CallDispute | None:
        """The call's dispute that counts: the one that was not withdrawn, or else the newest."""
        query = select(CallDispute).where(CallDispute.event_id == event_id)
        return await self._session.scalar(
            query.order_by(CallDispute.state == "withdrawn", CallDispute.id.desc()).limit(1)
        )

    async def page(
        self, side: DisputeSide, organisation_id: str, *, only_open: bool, before: str | None, limit: int
    ) -> list[CallDispute]:
        """The newest first."""
        query = select(CallDispute).order_by(CallDispute.id.desc()).limit(limit)
        if side != "marketplace":
            whose = CallDispute.consumer_id if side == "consumer" else CallDispute.vendor_id
            query = query.where(whose == organisation_id)
        if only_open:
            query = query.where(CallDispute.state == "open")
        return list(await self._session.scalars(query if before is None else query.where(CallDispute.id < before)))

    def open_question(self, limit: int) -> Question[CallDispute]:
        """Those that wait, the newest first."""
        query = select(CallDispute).where(CallDispute.state == "open").order_by(CallDispute.id.desc()).limit(limit)
        return Question(query, CallDispute, lambda row: row.id, newest_first=True)
