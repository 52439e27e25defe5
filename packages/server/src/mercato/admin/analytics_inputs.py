"""What analytics are made of: sums of usage, first calls, beginnings of services, the ledger."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta

from mercato.admin.analytics_rows import AnalyticsRows
from mercato.billing import Taking, find_takings
from mercato.discovery import Missed, find_misses
from mercato.metering import MarketHistory, Used
from mercato.platform import Session
from mercato.publishing import Beginning, find_beginnings

MONTHS, WEEKS, DAYS = 12, 12, 56
MISSES_KEPT = timedelta(days=28)
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Spans:
    """The months and weeks (UTC, from Monday) that end with the current one, the whole days before today, and the two
    weeks of days whose difference are the movers; starts of steps, and the end of the last one."""

    months: tuple[datetime, ...]
    weeks: tuple[datetime, ...]
    days: tuple[datetime, ...]
    moves: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything that reports are made of. `first_calls` by consumer, `services_called` by service."""

    spans: Spans
    monthly: Sequence[Used]
    weekly: Sequence[Used]
    daily: Sequence[Used]
    moves: dict[str, Sequence[Used]]
    first_calls: dict[str, datetime]
    beginnings: Sequence[Beginning]
    services_called: dict[str, datetime]
    takings: Sequence[Taking]
    missed: Sequence[Missed] = ()
    """Searches of the last four weeks that found nothing that fits."""
    refused: Sequence[tuple[datetime, str, int]] = ()
    """Refusals of the last two weeks: the start of the day, the code, how many."""

    @property
    def until(self) -> datetime:
        """What came later is in none of it."""
        return self.spans.moves[-1]

    def digest(self) -> str:
        """SHA-256, the same for the same inputs."""
        text = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def spans_at(now: datetime) -> Spans:
    """Everything ends with the quarter hour that began last."""
    until = now.astimezone(UTC).replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    today = until.replace(hour=0, minute=0)
    monday = today - today.weekday() * _DAY
    month = today.year * 12 + today.month - 1
    firsts = [
        today.replace(year=each // 12, month=each % 12 + 1, day=1) for each in range(month - MONTHS + 1, month + 1)
    ]
    end = until + _QUARTER
    return Spans(
        months=(*firsts, end),
        weeks=(*(monday - _WEEK * back for back in range(WEEKS - 1, -1, -1)), end),
        days=tuple(today - _DAY * back for back in range(DAYS, -1, -1)),
        moves=(end - 2 * _WEEK, end - _WEEK, end),
    )


def refused_days(spans: Spans) -> tuple[datetime, datetime]:
    """Fourteen days, today the last one."""
    today = spans.days[-1]
    return today - 13 * _DAY, today + _DAY


async def read_inputs(session: Session, now: datetime) -> Inputs:
    """In a transaction that changes nothing."""
    spans, history = spans_at(now), MarketHistory(session)
    since = spans.months[0]
    monthly = await history.used(spans.months, "consumer")
    beginnings = await find_beginnings(session, since)
    released = [(each.vendor_id, each.service_id) for each in beginnings if each.service_id is not None]
    return Inputs(
        spans=spans,
        monthly=monthly,
        weekly=await history.used(spans.weeks, "consumer"),
        daily=await history.used(spans.days),
        moves={
            "consumer": await history.used(spans.moves, "consumer"),
            "service": await history.used(spans.moves, "service"),
        },
        first_calls=await history.first_calls_of(sorted({each.whose for each in monthly})),
        beginnings=beginnings,
        services_called=await history.first_calls_to(released),
        takings=await find_takings(session, date(since.year, since.month, 1)),
        missed=await find_misses(session, spans.moves[-1] - MISSES_KEPT, spans.moves[-1]),
        refused=await AnalyticsRows(session).refusals(*refused_days(spans)),
    )
