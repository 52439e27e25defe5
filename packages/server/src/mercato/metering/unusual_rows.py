"""The SQL of unusual usage: hours of all scopes, and what was found of them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from mercato.metering.unusual_models import JudgedHour, UsageAnomaly
from mercato.platform import Session

_HOURS = text(
    "SELECT number, consumer_id, vendor_id, service_id, sum(calls)::bigint, sum(failed)::bigint,"
    " sum(tokens_in + tokens_out)::bigint"
    " FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])) WITH ORDINALITY"
    "  AS span (begins, ends, number)"
    " CROSS JOIN LATERAL (SELECT consumer_id, vendor_id, service_id, calls, failed, tokens_in, tokens_out"
    "  FROM usage_quarter WHERE start >= span.begins AND start < span.ends OFFSET 0) AS hour"
    " GROUP BY GROUPING SETS ((number, consumer_id), (number, vendor_id, service_id), (number))"
)
_FIRST_SEEN = {
    "consumer": text("SELECT min(start) FROM usage_quarter WHERE consumer_id = :owner"),
    "service": text("SELECT min(start) FROM usage_quarter WHERE vendor_id = :owner AND service_id = :scope_id"),
    "market": text("SELECT min(start) FROM usage_quarter"),
}
_KEPT = 100


class UnusualRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def claim(self, hour: datetime, at: datetime) -> bool:
        """Whether nobody has looked at this hour before."""
        query = insert(JudgedHour).values(hour=hour, judged_at=at).on_conflict_do_nothing().returning(JudgedHour.hour)
        if await self._session.scalar(query) is None:
            return False
        old = select(JudgedHour.hour).order_by(JudgedHour.hour.desc()).offset(_KEPT)
        await self._session.execute(delete(JudgedHour).where(JudgedHour.hour.in_(old)))
        return True

    async def hours(
        self, spans: Sequence[tuple[datetime, datetime]]
    ) -> list[tuple[int, str | None, str | None, str | None, int, int, int]]:
        """The number of the span (from 0), consumer, vendor, service (`None` where it is added up), and the sums."""
        values = {"begins": [begin for begin, _ in spans], "ends": [end for _, end in spans]}
        rows = await self._session.execute(_HOURS, values)
        return [(row[0] - 1, row[1], row[2], row[3], row[4], row[5], row[6]) for row in rows]

    async def first_seen(self, scope: str, scope_id: str, owner: str) -> datetime | None:
        """When its usage begins."""
        values = {"owner": owner, "scope_id": scope_id}
        needed = {"consumer": ("owner",), "service": ("owner", "scope_id"), "market": ()}[scope]
        first: datetime | None = await self._session.scalar(_FIRST_SEEN[scope], {name: values[name] for name in needed})
        return first

    async def normal(self, scope: str, scope_id: str, metric: str, kind: str, since: datetime) -> list[int]:
        """What somebody called normal lately."""
        query = select(UsageAnomaly.value).where(
            UsageAnomaly.scope == scope, UsageAnomaly.scope_id == scope_id, UsageAnomaly.metric == metric,
            UsageAnomaly.kind == kind, UsageAnomaly.normal_since >= since,
        )  # fmt: skip
        return list(await self._session.scalars(query))

    async def add(self, row: UsageAnomaly) -> bool:
        """Whether it is the first of its scope on this day."""
        columns = {column.name: getattr(row, column.name) for column in UsageAnomaly.__table__.columns}
        query = insert(UsageAnomaly).values(columns).on_conflict_do_nothing().returning(UsageAnomaly.id)
        return await self._session.scalar(query) is not None

    async def find(self, anomaly_id: str) -> UsageAnomaly | None:
        return await self._session.scalar(select(UsageAnomaly).where(UsageAnomaly.id == anomaly_id).with_for_update())

    async def page(
        self, organisation_id: str | None, scope: str | None, before: str | None, limit: int
    ) -> list[UsageAnomaly]:
        """The newest first; of one organisation, or of all."""
        query = select(UsageAnomaly).order_by(UsageAnomaly.id.desc()).limit(limit)
        if organisation_id is not None:
            query = query.where(UsageAnomaly.organisation_id == organisation_id)
        if scope is not None:
            query = query.where(UsageAnomaly.scope == scope)
        return list(await self._session.scalars(query if before is None else query.where(UsageAnomaly.id < before)))
