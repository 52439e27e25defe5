"""The SQL of reconciliation: each question covers days, so that none of them runs long."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text

from mercato.metering import MeteredCall
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
_JOURNALS = text(
    "SELECT coalesce(events.journal_id, posted.journal_id) AS journal, coalesce(calls, 0), coalesce(posted_calls, 0),"
    " coalesce(nanos, 0), coalesce(posted_nanos, 0) FROM"
    " (SELECT journal_id, count(*) AS calls, sum(price_nanos) AS nanos FROM usage_events"
    "  WHERE at >= :begin AND at < :end AND journal_id IS NOT NULL GROUP BY journal_id) AS events"
    " FULL JOIN (SELECT journal_id, sum(calls) AS posted_calls, sum(amount_nanos) AS posted_nanos FROM postings"
    "  JOIN accounts ON accounts.id = postings.account_id AND accounts.kind = 'consumer'"
    "  WHERE item = 'usage' AND day >= :since AND day < :until GROUP BY journal_id) AS posted"
    " ON posted.journal_id = events.journal_id"
    " WHERE calls IS DISTINCT FROM posted_calls OR nanos IS DISTINCT FROM posted_nanos ORDER BY 1 LIMIT :most"
)
_UNBALANCED = text(
    "SELECT journal_id, sum(amount_nanos) FROM postings JOIN accounts ON accounts.id = postings.account_id"
    " WHERE day >= :since AND day < :until GROUP BY journal_id, currency HAVING sum(amount_nanos) <> 0"
    " ORDER BY 1 LIMIT :most"
)
_INVOICES = text(
    "SELECT id, total_nanos, lines, posted FROM invoices"
    " CROSS JOIN LATERAL (SELECT coalesce(sum(amount_nanos), 0) AS lines FROM invoice_lines WHERE invoice_id = id) AS l"
    " CROSS JOIN LATERAL (SELECT coalesce(sum(amount_nanos), 0) AS posted FROM invoiced_postings"
    "  JOIN postings ON postings.number = invoiced_postings.posting WHERE invoice_id = id) AS p"
    " WHERE period = ANY(CAST(:months AS text[])) AND (total_nanos <> lines OR total_nanos <> posted)"
    " ORDER BY id LIMIT :most"
)
_PAYOUTS = text(
    "SELECT id, net_nanos, lines, posted FROM payouts"
    " CROSS JOIN LATERAL (SELECT coalesce(sum(net_nanos), 0) AS lines FROM payout_lines WHERE payout_id = id) AS l"
    " CROSS JOIN LATERAL (SELECT coalesce(-sum(amount_nanos), 0) AS posted FROM paid_postings"
    "  JOIN postings ON postings.number = paid_postings.posting WHERE payout_id = id) AS p"
    " WHERE period = ANY(CAST(:months AS text[])) AND (payouts.net_nanos <> lines OR payouts.net_nanos <> posted)"
    " ORDER BY id LIMIT :most"
)
_ADJUSTMENTS = text(
    "SELECT adjustments.id, adjustments.nanos, coalesce(sum(amount_nanos) FILTER (WHERE kind_of = 'consumer'), 0),"
    " adjustments.fee_nanos, coalesce(-sum(amount_nanos) FILTER (WHERE kind_of = 'revenue'), 0) FROM adjustments"
    " LEFT JOIN (SELECT reference, amount_nanos, accounts.kind AS kind_of FROM journals"
    "  JOIN postings ON postings.journal_id = journals.id JOIN accounts ON accounts.id = postings.account_id"
    "  WHERE journals.kind = 'adjustment' AND day >= :since AND day < :until) AS posted"
    " ON posted.reference = adjustments.id"
    " WHERE since >= :since AND since < :until GROUP BY adjustments.id ORDER BY adjustments.id"
)
_ADJUSTED = text(
    "SELECT consumer_id, vendor_id, service_id, currency, sum(nanos) FROM adjustments"
    " WHERE since >= :since AND since < :until GROUP BY 1, 2, 3, 4"
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
    "  sum(nanos) AS nanos, sum(included) AS included FROM calls CROSS JOIN LATERAL (VALUES"
    "   ('subscription', subscription_id), ('consumer', consumer_id), ('vendor', vendor_id),"
    "   ('key', (SELECT lineage_id FROM keys WHERE keys.id = key_id))"
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


class ReconcileRows:
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

    async def journals(self, day: date, after: date, begin: datetime, end: datetime, most: int) -> Sequence[Any]:
        """Journals whose events and postings of the day differ: journal, calls and nanos of both."""
        given = {"since": day, "until": after, "begin": begin, "end": end, "most": most}
        return (await self._session.execute(_JOURNALS, given)).all()

    async def unbalanced(self, since: date, until: date, most: int) -> Sequence[Any]:
        """Journals that do not sum to zero."""
        return (await self._session.execute(_UNBALANCED, {"since": since, "until": until, "most": most})).all()

    async def documents(self, months: Sequence[str], most: int) -> Sequence[Any]:
        """Invoices and payouts that are not the sum of their lines, or of the postings that stand on them."""
        given = {"months": list(months), "most": most}
        invoices = (await self._session.execute(_INVOICES, given)).all()
        return [*invoices, *(await self._session.execute(_PAYOUTS, given)).all()]

    async def adjustments(self, since: date, until: date) -> Sequence[Any]:
        """Each adjustment: id, its nanos and those posted, its fee and that posted."""
        return (await self._session.execute(_ADJUSTMENTS, {"since": since, "until": until})).all()

    async def adjusted(self, since: date, until: date) -> Sequence[Any]:
        """What was adjusted by consumer, vendor, service and currency."""
        return (await self._session.execute(_ADJUSTED, {"since": since, "until": until})).all()

    async def counters(self, begin: datetime, end: datetime, most: int) -> Sequence[Any]:
        """Quotas whose count is not that of the events: scope, window, used, at least, at most."""
        given = {"begin": begin, "end": end, "most": most, "slack": "15 minutes"}
        return (await self._session.execute(_COUNTERS, given)).all()
