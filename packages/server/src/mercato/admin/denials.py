"""Refusals are entries too: those of one kind to one asker within a minute are one entry with a count."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from mercato.admin.analytics_rows import AnalyticsRows
from mercato.admin.audit_rows import AuditRows
from mercato.admin.news import AccessRefused
from mercato.platform import Clock, Outbox, Refusal, RequestContext, Session

WINDOW = timedelta(seconds=60)
_AT_ONCE = 500


class Refusals:
    """Counts refusals, and publishes them when their minute is over."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = AuditRows(session)
        self._clock = clock
        self._outbox = outbox

    async def count(self, refusal: Refusal, route: str, context: RequestContext) -> None:
        """One more."""
        row = {
            "minute": _minute_of(self._clock.now()),
            "asker": context.actor or context.address,
            "code": refusal.code,
            "route": route,
            "detail": refusal.detail,
            "context": context.to_payload(),
        }
        await self._rows.count_refusal(row)

    async def tell(self) -> int:
        """News of every minute that is over, which are added to the sums of their days too; how many."""
        rows = await self._rows.take_refusals(_minute_of(self._clock.now()), _AT_ONCE)
        counts: Counter[tuple[datetime, str]] = Counter()
        for row in rows:
            counts[_day_of(row.minute), row.code] += row.count
            news = AccessRefused(by=row.asker, code=row.code, route=row.route, count=row.count, reason=row.detail)
            await self._outbox.add(self._session, news, RequestContext.from_payload(row.context))
        if counts:
            await AnalyticsRows(self._session).add_refusals(counts)
        return len(rows)


def _minute_of(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _day_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
