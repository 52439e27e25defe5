"""The SQL of a period's events and counters: each question covers days, so that none of them runs long."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, cast, func, select, text

from mercato.metering.models import MeteredCall
from mercato.platform import Session

_PAGE = 10_000
_COLUMNS = (
    MeteredCall.at,
    MeteredCall.id,
    MeteredCall.consumer_id,
    MeteredCall.vendor_id,
    MeteredCall.service_id,
    MeteredCall.currency,
    MeteredCall.plan_id,
    MeteredCall.journal_id,
    MeteredCall.status,
    MeteredCall.included,
    MeteredCall.tokens_in,
    MeteredCall.tokens_out,
    MeteredCall.price_nanos,
)
# A call takes from a window when it is let in, which may be a little after it began: `slack` on both sides. The events
# are read once, whatever the number of counters, and summed by party and day; windows begin and end at midnight, UTC.
_COUNTERS = text(
    "WITH counted AS (SELECT scope, window_start, used, split_part(scope, ':', 1) AS kind,"
    "  split_part(scope, ':', 2) AS subject, split_part(scope, ':', 3) AS unit,"
    "  CASE split_part(scope, ':', 4) WHEN 'day' THEN window_start + interval '24 hours'"
    "   ELSE (window_start AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC' END AS window_end"
    "  FROM counters WHERE window_start >= :begin AND window_start < :end"
    "  AND split_part(scope, ':', 4) IN ('day', 'month')"
    "  AND split_part(scope, ':', 1) IN ('subscription', 'key', 'consumer', 'vendor')),"
    " calls AS MATERIALIZED (SELECT subscription_id, key_id, consumer_id, vendor_id, day,"
    "  at >= day + interval '24 hours' - CAST(:slack AS interval) AS late, count(*) AS requests,"
    "  sum(tokens_in + tokens_out) AS tokens, sum(price_nanos) AS nanos, sum(included) AS included"
    "  FROM (SELECT *, date_trunc('day', at, 'UTC') AS day FROM usage_events"
    "   WHERE at >= (SELECT min(window_start) - CAST(:slack AS interval) FROM counted)"
    "   AND at < (SELECT max(window_end) FROM counted) AND journal_id IS NOT NULL) AS events"
    "  GROUP BY 1, 2, 3, 4, 5, 6),"
    " used_by AS MATERIALIZED (SELECT kind, subject, day, late, sum(requests) AS requests, sum(tokens) AS tokens,"
    "  sum(nanos) AS nanos, sum(included) AS included FROM calls"
    "  LEFT JOIN unnest(CAST(:keys AS text[]), CAST(:lineages AS text[])) AS later (key, lineage) ON key = key_id"
    "  CROSS JOIN LATERAL (VALUES"
    "   ('subscription', subscription_id), ('consumer', consumer_id), ('vendor', vendor_id),"
    "   ('key', coalesce(lineage, key_id))"
    "  ) AS party (kind, subject) GROUP BY 1, 2, 3, 4),"
    " summed AS (SELECT scope, window_start, used, kind, coalesce(sum(units), 0) AS at_most,"
    "  coalesce(sum(units) FILTER (WHERE day >= window_start"
    "   AND NOT (late AND day + interval '24 hours' = window_end)), 0) AS inside"
    "  FROM (SELECT counted.*, day, late, CASE unit WHEN 'requests' THEN requests WHEN 'tokens' THEN tokens"
    "    WHEN 'nanos' THEN nanos WHEN 'included' THEN included END AS units FROM counted"
    "   LEFT JOIN used_by ON used_by.kind = counted.kind AND used_by.subject = counted.subject"
    "    AND ((day >= window_start AND day < window_end) OR (late AND day + interval '24 hours' = window_start))"
    "  ) AS each_day GROUP BY scope, window_start, used, kind)"
    " SELECT scope, window_start, used, inside, at_most FROM summed"
    " WHERE used > at_most OR (kind = 'subscription' AND used < inside) ORDER BY scope, window_start LIMIT :most"
)


class PeriodRows:
    """Questions of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def events(self, begin: datetime, end: datetime) -> AsyncIterator[Sequence[Any]]:
        """The events of [`begin`, `end`) in their order, a page at a time, all by one question: asked page by page,
        each page would sort the day anew.
        """
        query = select(*_COLUMNS).where(MeteredCall.at >= begin, MeteredCall.at < end)
        query = query.order_by(MeteredCall.at, MeteredCall.id)
        found = await self._session.stream(query, execution_options={"yield_per": _PAGE})
        async for page in found.partitions():
            yield page

    async def sums(self, begin: datetime, end: datetime) -> dict[tuple[date, str, str, str, str], tuple[int, int]]:
        key: list[Any] = [
            cast(func.timezone("UTC", MeteredCall.at), Date).label("day"),
            MeteredCall.consumer_id,
            MeteredCall.vendor_id,
            MeteredCall.service_id,
            MeteredCall.currency,
        ]
        rows = await self._session.execute(
            select(*key, func.count(), func.sum(MeteredCall.price_nanos))
            .where(MeteredCall.at >= begin, MeteredCall.at < end, MeteredCall.journal_id.is_not(None))
            .group_by(*key)
        )
        return {(row[0], row[1], row[2], row[3], row[4]): (int(row[5]), int(row[6])) for row in rows}

    async def journals(self, begin: datetime, end: datetime) -> dict[str, tuple[int, int]]:
        rows = await self._session.execute(
            select(MeteredCall.journal_id, func.count(), func.sum(MeteredCall.price_nanos))
            .where(MeteredCall.at >= begin, MeteredCall.at < end, MeteredCall.journal_id.is_not(None))
            .group_by(MeteredCall.journal_id)
        )
        return {str(row[0]): (int(row[1]), int(row[2])) for row in rows}

    async def counters(
        self, begin: datetime, end: datetime, lineages: Mapping[str, str], most: int
    ) -> Sequence[tuple[str, datetime, int, int, int]]:
        given = {
            "begin": begin, "end": end, "most": most, "slack": "15 minutes",
            "keys": list(lineages), "lineages": list(lineages.values()),
        }  # fmt: skip
        rows = await self._session.execute(_COUNTERS, given)
        return [(row[0], row[1], row[2], int(row[3]), int(row[4])) for row in rows]
