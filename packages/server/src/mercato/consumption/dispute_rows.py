"""The SQL of disputed claims and their reviews."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from mercato.consumption.models import DisputeReview, DoubtedCalls
from mercato.platform import Question, Session

# In primary-key order, so two batches with the same rows wait for each other and never deadlock.
_ADD = text(
    "INSERT INTO doubted_calls AS kept (service_id, day, reason, calls)"
    " SELECT service_id, day, reason, calls FROM json_populate_recordset(NULL::doubted_calls, CAST(:rows AS json))"
    " ORDER BY service_id, day, reason"
    " ON CONFLICT (service_id, day, reason) DO UPDATE SET calls = kept.calls + excluded.calls"
)


class DisputeRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, counts: Mapping[tuple[str, date, str], int]) -> None:
        """Add calls to service, day and reason."""
        rows = [
            {"service_id": service, "day": day.isoformat(), "reason": reason, "calls": calls}
            for (service, day, reason), calls in counts.items()
        ]
        await self._session.execute(_ADD, {"rows": msgspec.json.encode(rows).decode()})

    async def due(self, since: date, least: int) -> Sequence[Any]:
        """Service, day and calls of each day with `least` disputed calls, and no review of it yet."""
        calls = func.sum(DoubtedCalls.calls)
        reviewed = select(DisputeReview.id).where(
            DisputeReview.service_id == DoubtedCalls.service_id,
            (DisputeReview.day == DoubtedCalls.day) | DisputeReview.decided_at.is_(None),
        )
        query = (
            select(DoubtedCalls.service_id, DoubtedCalls.day, calls)
            .where(DoubtedCalls.day >= since, ~reviewed.exists())
            .group_by(DoubtedCalls.service_id, DoubtedCalls.day)
            .having(calls >= least)
            .order_by(DoubtedCalls.service_id, DoubtedCalls.day)
        )
        return (await self._session.execute(query)).all()

    async def open(self, review: DisputeReview) -> bool:
        """Write it unless the service has an open review; returns whether it was written."""
        values = {column.name: getattr(review, column.name) for column in DisputeReview.__table__.columns}
        query = insert(DisputeReview).values(values).on_conflict_do_nothing().returning(DisputeReview.id)
        return await self._session.scalar(query) is not None

    async def lock(self, review_id: str) -> DisputeReview | None:
        return await self._session.get(DisputeReview, review_id, with_for_update=True)

    async def reviews(
        self, vendor_id: str | None, *, only_open: bool, before: str | None, limit: int
    ) -> list[DisputeReview]:
        """The newest first, of one vendor or of all."""
        query = select(DisputeReview).order_by(DisputeReview.id.desc()).limit(limit)
        if vendor_id is not None:
            query = query.where(DisputeReview.vendor_id == vendor_id)
        if only_open:
            query = query.where(DisputeReview.decided_at.is_(None))
        return list(await self._session.scalars(query if before is None else query.where(DisputeReview.id < before)))

    def open_question(self, limit: int) -> Question[DisputeReview]:
        """Those of all vendors that wait, the newest first."""
        query = select(DisputeReview).where(DisputeReview.decided_at.is_(None))
        newest = query.order_by(DisputeReview.id.desc()).limit(limit)
        return Question(newest, DisputeReview, lambda row: row.id, newest_first=True)

    async def days(self, service_ids: Collection[str] | None, since: date) -> list[DoubtedCalls]:
        """The newest day first, of these services or of all."""
        query = select(DoubtedCalls).where(DoubtedCalls.day >= since)
        if service_ids is not None:
            query = query.where(DoubtedCalls.service_id.in_(service_ids))
        order = (DoubtedCalls.day.desc(), DoubtedCalls.service_id, DoubtedCalls.reason)
        return list(await self._session.scalars(query.order_by(*order).limit(1000)))
