"""Usage of a vendor's services over days of the reader's zone: the same series that `GET /api/usage/series` gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mercato.console import charts
from mercato.console.charts import Chart
from mercato.console.units import CALLS, ERROR_RATE, LATENCY, charged_in
from mercato.console.visit import Visit
from mercato.metering import Line, Series, SeriesWanted, Summing
from mercato.platform import Session

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Total:
    """A figure of the period, and of as many days before; `None` where there were no calls."""

    now: int
    before: int

    @property
    def change_percent(self) -> int | None:
        """Whole per cent; `None` where nothing is compared with."""
        return (self.now - self.before) * 100 // self.before if self.before else None


@dataclass(frozen=True, slots=True)
class Charged:
    """What consumers were charged in one currency, corrections with it."""

    currency: str
    total: Total
    chart: Chart


@dataclass(frozen=True, slots=True)
class Figures:
    """Charts and totals of a period. `charged`: one for each currency, at least one."""

    days: int
    since: datetime
    until: datetime
    calls: Total
    failed: Total
    charged: Sequence[Charged]
    calls_chart: Chart
    errors_chart: Chart
    latency_chart: Chart

    @property
    def error_rate_bp(self) -> int | None:
        """Failed calls in ten thousand."""
        return self.failed.now * 10_000 // self.calls.now if self.calls.now else None


def period_of(visit: Visit, days: int) -> tuple[datetime, datetime]:
    """The last `days` days of the reader's zone, today with them."""
    today = visit.now.astimezone(ZoneInfo(visit.zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - DAY * (days - 1), today + DAY


async def read_figures(session: Session, visit: Visit, *, days: int = 30, service_id: str | None = None) -> Figures:
    """The caller's services, or one of them, day by day, compared with as many days before."""
    since, until = period_of(visit, days)
    wanted = SeriesWanted(
        side="vendor", since=since, until=until, step="day", zone=visit.zone, compare=True,
        metrics=("calls", "failed", "charged_nanos", "error_rate_bp", "p95_us"),
        where={} if service_id is None else {"service": service_id},
    )  # fmt: skip
    found = await Summing(session, visit.wiring.clock).series(visit.caller, wanted)
    return _figures(found, days, since, until, visit.zone)


def _figures(found: Series, days: int, since: datetime, until: datetime, zone: str) -> Figures:
    bars = charts.periods(found.steps.starts, zone, DAY)
    points = charts.moments(found.steps.starts, zone, DAY)
    count = len(found.steps.starts)
    calls = _added(found.totals, "calls", count)
    error_rate, p95 = (_only(found.totals, name, calls) for name in ("error_rate_bp", "p95_us"))
    return Figures(
        days, since, until, _total(found.totals, "calls"), _total(found.totals, "failed"),
        _charged(found, points),
        charts.bars("Calls", bars, [charts.Line("calls", calls)], CALLS),
        charts.line("Error rate", points, [charts.Line("error rate", error_rate)], ERROR_RATE,
                    about="Calls answered with 500 or above, or not at all, of all calls of the day."),
        charts.line("First byte, p95", points, [charts.Line("p95", p95)], LATENCY,
                    about="95 of 100 calls of the day had their first byte within this time."),
    )  # fmt: skip


def _charged(found: Series, points: charts.Places) -> list[Charged]:
    """By currency: no sum is made of several."""
    several, count = len(found.totals) > 1, len(found.steps.starts)
    made = []
    for currency, lines in {line.currency: [line] for line in found.totals}.items() or [("USD", [])]:
        now, earlier = _added(lines, "charged_nanos", count), _added_before(lines, "charged_nanos", count)
        chart = charts.area(
            "Charged to consumers" + (f", {currency}" if several else ""), points,
            [charts.Line("this period", now), charts.Line("period before", earlier, faint=True)], charged_in(currency),
            about="What consumers were charged each day, corrections with them.",
        )  # fmt: skip
        made.append(Charged(currency, _total(lines, "charged_nanos"), chart))
    return made


def _total(lines: Sequence[Line], metric: str) -> Total:
    return Total(
        sum(line.total.get(metric, 0) for line in lines),
        sum((line.before_total or {}).get(metric, 0) for line in lines),
    )


def _added(lines: Sequence[Line], metric: str, count: int) -> list[int]:
    return [sum(line.values[metric][place] for line in lines) for place in range(count)]


def _added_before(lines: Sequence[Line], metric: str, count: int) -> list[int | None]:
    known = [line.before[metric] for line in lines if line.before is not None]
    return [sum(one[place] for one in known if place < len(one)) for place in range(count)]


def _only(lines: Sequence[Line], metric: str, calls: Sequence[int]) -> list[int | None]:
    """A rate has no sum over currencies; days without calls have none."""
    main = max(lines, key=lambda line: line.total["calls"], default=None)
    if main is None:
        return [None] * len(calls)
    return [value if count else None for value, count in zip(main.values[metric], calls, strict=True)]
