"""Questions about feedback."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert

from mercato.discovery.feedback_models import SearchFeedback
from mercato.platform import Session

_MOST_POSITIONS = 20
_TAKEN = or_(SearchFeedback.verdict == "opened", SearchFeedback.verdict == "useful")


class FeedbackRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def put(self, row: SearchFeedback) -> None:
        """Add it, or replace the organisation's earlier verdict on this result."""
        values = {name: getattr(row, name) for name in SearchFeedback.__table__.columns.keys()}  # noqa: SIM118
        changed = {name: values[name] for name in ("position", "verdict", "at")}
        statement = insert(SearchFeedback).values(values)
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["organisation_id", "query_digest", "service_id"], set_=changed
            )
        )

    async def count_of(self, organisation_id: str, since: datetime) -> int:
        """How many verdicts this organisation gave since then."""
        query = select(func.count()).where(
            SearchFeedback.organisation_id == organisation_id, SearchFeedback.at >= since
        )
        return await self._session.scalar(query) or 0

    async def by_position(self, since: datetime) -> Sequence[tuple[int, str, int]]:
        """Position, verdict and how often, of the first places."""
        query = (
            select(SearchFeedback.position, SearchFeedback.verdict, func.count())
            .where(SearchFeedback.at >= since, SearchFeedback.position <= _MOST_POSITIONS)
            .group_by(SearchFeedback.position, SearchFeedback.verdict)
            .order_by(SearchFeedback.position)
        )
        return [(row[0], row[1], row[2]) for row in await self._session.execute(query)]

    async def totals(self, since: datetime) -> tuple[int, int, int]:
        """Different queries; results that were taken; results that were called not useful."""
        query = select(
            func.count(SearchFeedback.query_digest.distinct()),
            func.count().filter(_TAKEN),
            func.count().filter(SearchFeedback.verdict == "not_useful"),
        ).where(SearchFeedback.at >= since)
        row = (await self._session.execute(query)).one()
        return row[0], row[1], row[2]

    async def reciprocal_rank(self, since: datetime) -> int | None:
        """Of each organisation's query the best place taken, 0 where none was; the mean of one divided by it."""
        best = func.min(SearchFeedback.position).filter(_TAKEN)
        each = (
            select(func.coalesce(1.0 / best, 0.0).label("rank"))
            .where(SearchFeedback.at >= since)
            .group_by(SearchFeedback.organisation_id, SearchFeedback.query_digest)
            .subquery()
        )
        mean = await self._session.scalar(select(func.round(10_000 * func.avg(each.c.rank))))
        return None if mean is None else int(mean)
