"""Usage over time: any figure by up to two groups, in the reader's zone, compared with the period before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, cast, get_args
from zoneinfo import ZoneInfo

from fastapi import Query, Response
from pydantic import BaseModel, Field

from mercato.api import figures as api
from mercato.billing import Agreement
from mercato.console import charts, formatting
from mercato.console.compared import last_compared
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.edge.names import Called
from mercato.edge.wiring import Transaction
from mercato.metering import SeriesWanted
from mercato.platform import Malformed, csv_head, csv_line
from mercato_contracts.figures import SeriesAnswer, SeriesGroup, SeriesLine, SeriesMetric, SeriesStep

router = page_router()

RANGES = (("1", "24 hours"), ("7", "7 days"), ("30", "30 days"), ("90", "90 days"))
_STEPS: Mapping[str, SeriesStep] = {"1": "hour", "7": "day", "30": "day", "90": "week"}
METRICS: Mapping[SeriesMetric, str] = {
    "charged_nanos": "Spent", "calls": "Calls", "failed": "Failed calls", "error_rate_bp": "Error rate",
    "tokens_in": "Tokens in", "tokens_out": "Tokens out", "tokens_cached": "Cached tokens", "p50_us": "Median time",
    "p95_us": "95th percentile", "p99_us": "99th percentile", "bytes_in": "Bytes in", "bytes_out": "Bytes out",
    "adjusted_nanos": "Corrections", "unpaid_nanos": "Not charged",
}  # fmt: skip
GROUPS: Mapping[str, str] = {
    "service": "Service", "key": "Key", "operation": "Operation", "release": "Release", "subscription": "Subscription",
    "status": "Status", "protocol": "Protocol", "vendor": "Vendor",
}  # fmt: skip
_DOWN = {"service": "service_id", "key": "key_id", "release": "release_id", "subscription": "subscription_id"}
_BESIDE: tuple[SeriesMetric, ...] = ("calls", "failed", "tokens_in", "tokens_out", "charged_nanos")
_MOST_LINES = 6
_MOST_EXPORTED = 190_000
"""Figures in a file; the sums refuse more."""
_LENGTHS: Mapping[SeriesStep, timedelta] = {
    "15m": timedelta(minutes=15), "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7),
    "month": timedelta(days=30),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class UsageRow:
    """A group's figures, and where a click on it leads."""

    names: Sequence[str]
    address: str
    currency: str
    figures: Mapping[str, int]
    shown: str
    before: str
    change: str


@dataclass(frozen=True, slots=True)
class UsagePage:
    """Everything that the page shows."""

    answer: SeriesAnswer
    metric: SeriesMetric
    title: str
    charts: Sequence[charts.Chart]
    rows: Sequence[UsageRow]
    totals: Sequence[UsageRow]
    heads: Sequence[str]
    ranges: Sequence[tuple[str, str]]
    metrics: Mapping[SeriesMetric, str]
    groups: Mapping[str, str]
    steps: Sequence[str]
    chosen: Mapping[str, str]
    chips: Sequence[tuple[str, str, str]]
    export: str
    agreement: Agreement | None


class Wanted(BaseModel):
    """What the address asks for. `days` counts back from now unless a period is given."""

    days: Annotated[int, Field(ge=1, le=366)] = 30
    metric: SeriesMetric = "charged_nanos"
    by: SeriesGroup | Literal["nothing"] = "service"
    """A form leaves empty fields out, so that none at all has a name."""
    also: SeriesGroup | None = None
    step: SeriesStep | None = None
    since: datetime | None = None
    until: datetime | None = None
    service_id: Annotated[str | None, Field(max_length=64)] = None
    key_id: Annotated[str | None, Field(max_length=64)] = None
    release_id: Annotated[str | None, Field(max_length=64)] = None
    subscription_id: Annotated[str | None, Field(max_length=64)] = None

    def to_series(self, visit: Visit) -> SeriesWanted:
        """The question to the sums of usage."""
        # The quarter hour that runs counts too.
        until = self.until or visit.now + timedelta(minutes=1)
        by = None if self.by == "nothing" else self.by
        groups = tuple(dict.fromkeys(group for group in (by, self.also) if group is not None))
        where = {group: getattr(self, name) for group, name in _DOWN.items() if getattr(self, name)}
        return SeriesWanted(
            side="consumer", since=self.since or until - timedelta(days=self.days), until=until,
            step=self.step or _STEPS.get(str(self.days), "day"), zone=visit.zone,
            metrics=tuple(dict.fromkeys((self.metric, *_BESIDE))), groups=groups,
            where=cast(dict[SeriesGroup, str], where), top=50, compare=True, forecast=False,
        )  # fmt: skip


@router.get("/usage")
async def show_usage(
    visit: SignedIn, session: Transaction, sums: api.Sums, called: Called, wanted: Annotated[Wanted, Query()]
) -> Response:
    """One source with the API's series: the sums by quarter hour."""
    asked = wanted.to_series(visit)
    answer = await api.read_usage_series(visit.caller, sums, called, asked)
    here = visit.here
    names = {name: GROUPS[group] for group, name in _DOWN.items()} | {"from": "From", "to": "To"}
    page = UsagePage(
        answer=answer,
        metric=wanted.metric,
        title=METRICS.get(wanted.metric, wanted.metric),
        charts=_charts(answer, wanted.metric, visit.zone),
        rows=[_row(visit, line, answer, wanted.metric) for line in answer.series] if answer.group_by else [],
        totals=[_row(visit, line, answer, wanted.metric) for line in answer.totals],
        heads=[GROUPS.get(group, group) for group in answer.group_by],
        ranges=RANGES,
        metrics=METRICS,
        groups=GROUPS,
        steps=get_args(SeriesStep),
        chosen={
            "days": "" if wanted.since else str(wanted.days), "by": wanted.by, "also": wanted.also or "",
            "step": answer.step,
        },
        chips=here.chips(names),
        export=f"{visit.prefix}/usage/export?{here.query()}",
        agreement=await last_compared(visit, session, "consumer"),
    )  # fmt: skip
    return visit.show("usage.html", page)


@router.get("/usage/export")
async def export_usage(visit: SignedIn, sums: api.Sums, called: Called, wanted: Annotated[Wanted, Query()]) -> Response:
    """The page's question as CSV: a line for each step and group with calls, every group that there is."""
    asked = wanted.to_series(visit)
    steps = (asked.until - asked.since) // _LENGTHS[asked.step] + 2
    most = max(1, _MOST_EXPORTED // (steps * len(asked.metrics)))
    answer = await api.read_usage_series(visit.caller, sums, called, replace(asked, top=most, compare=False))
    if answer.groups > most:
        raise Malformed(f"There are more than {most:,} groups. Export fewer days, longer steps or another group.")
    zone = ZoneInfo(visit.zone)
    text = [csv_head(("start_utc", f"start_{visit.zone}", *answer.group_by, "currency", *answer.metrics))]
    for line in answer.series if answer.group_by else answer.totals:
        names = [name or key for name, key in zip(line.names, line.keys, strict=False)]
        for place, start in enumerate(answer.steps):
            figures = [line.values[metric][place] for metric in answer.metrics]
            if any(figures):
                local = start.astimezone(zone)
                moment = f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
                text.append(csv_line((moment, f"{local:%Y-%m-%dT%H:%M:%S}", *names, line.currency, *figures)))
    headers = {"content-disposition": 'attachment; filename="usage.csv"', "cache-control": "no-store"}
    return Response("".join(text), media_type="text/csv; charset=utf-8; header=present", headers=headers)


def shown(metric: str, value: int, currency: str) -> str:
    """A figure in its unit."""
    if metric.endswith("_nanos"):
        return formatting.money(value, currency)
    if metric.endswith("_us"):
        return formatting.millis(value)
    if metric.endswith("_bp"):
        return formatting.share(value)
    return formatting.size(value) if metric.startswith("bytes") else formatting.count(value)


def _row(visit: Visit, line: SeriesLine, answer: SeriesAnswer, metric: str) -> UsageRow:
    before = None if line.before_total is None else line.before_total.get(metric)
    changes: dict[str, Any] = {
        _DOWN[group]: key for group, key in zip(answer.group_by, line.keys, strict=False) if group in _DOWN
    }
    return UsageRow(
        names=[name or key or "—" for name, key in zip(line.names, line.keys, strict=False)],
        address=visit.here.with_(**changes) if changes else "",
        currency=line.currency,
        figures=line.total,
        shown=shown(metric, line.total[metric], line.currency),
        before="—" if before is None else shown(metric, before, line.currency),
        change=_change(line.total[metric], before),
    )


def _change(value: int, before: int | None) -> str:
    if before is None:
        return "—"
    if before == 0:
        return "new" if value else "—"
    points = (value - before) * 1000 // before
    return f"{'+' if points > 0 else '−' if points < 0 else ''}{abs(points) // 10}.{abs(points) % 10} %"


def _charts(answer: SeriesAnswer, metric: str, zone: str) -> list[charts.Chart]:
    """One; of money one for each currency, because amounts of two do not add up."""
    lines = answer.series if answer.group_by else answer.totals
    if not lines or not answer.steps:
        return []
    if not metric.endswith("_nanos"):
        return [_chart(answer, metric, zone, lines, "")]
    currencies = list(dict.fromkeys(line.currency for line in lines))
    return [
        _chart(
            answer, metric, zone, [line for line in lines if line.currency == one], one if len(currencies) > 1 else ""
        )
        for one in currencies
    ]


def _chart(answer: SeriesAnswer, metric: str, zone: str, lines: Sequence[SeriesLine], only: str) -> charts.Chart:
    """`only`: the currency that the title names."""
    places = charts.periods(answer.steps, zone, _LENGTHS[answer.step])
    drawn = [charts.Line(", ".join(line.names) or "Total", line.values[metric]) for line in lines[:_MOST_LINES]]
    title = METRICS.get(cast(SeriesMetric, metric), metric) + (f", {only}" if only else "")
    return charts.bars(title, places, drawn, _unit(metric, lines[0].currency))


def _unit(metric: str, currency: str) -> charts.Unit:
    def write(value: float) -> str:
        return shown(metric, int(value), currency)

    summed = not metric.endswith(("_bp", "_us"))
    return charts.Unit(currency if metric.endswith("_nanos") else "", write, write, summed)
