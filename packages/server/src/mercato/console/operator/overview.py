"""The operator's first screen: what needs a decision, what is wrong, what moved today."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from fastapi import Response

from mercato.admin import Overview, OverviewDesk, State, worst
from mercato.console import charts
from mercato.console.charts import Chart
from mercato.console.operator.ages import age
from mercato.console.operator.figures import CALLS
from mercato.console.routes import page_router
from mercato.console.units import charged_in
from mercato.console.visit import SignedIn, Visit
from mercato.edge.names import Called, Names
from mercato.edge.wiring import Parts, Transaction
from mercato.metering import Line, SeriesWanted, Summing

router = page_router()
_DAYS = 14
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that is wrong now, and the page that says more."""

    kind: str
    about: str
    path: str
    since: object


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """Everything on one screen."""

    found: Overview
    health: State
    charged: Sequence[tuple[str, int, int]]
    """By currency: nano-units today, and yesterday until the same hour."""
    calls: int
    calls_before: int
    failed: int
    error_rate_bp: int | None
    incidents: Sequence[Incident]
    vendors: dict[str, str]
    calls_chart: Chart
    charged_charts: Sequence[Chart]
    age: Callable[[int | None], str] = age

    def waits(self, place: int) -> int:
        """For how many seconds the submission at this place of the queue has waited."""
        return max(0, int((self.found.at - self.found.queue[place].approval.created_at).total_seconds()))


@router.get("/ops")
async def show_overview(visit: SignedIn, session: Transaction, parts: Parts, called: Called) -> Response:
    """One request, one screen."""
    # The chart's days hold those of the figures, so that what is known of them is read once.
    sums = Summing(session, parts.clock)
    calls_chart, charged_charts = await _charts(sums, visit)
    found = await OverviewDesk(session, parts.clock, parts.ids, parts.outbox, sums).show(visit.caller)
    await called.organisations(
        {each.submission.vendor_id for each in found.queue}
        | {each.target for each in found.switches if each.scope == "vendor"}
    )
    calls, failed = _sum(found.today, "calls"), _sum(found.today, "failed")
    shown = OverviewPage(
        found=found,
        health=worst([each.state for each in found.services]),
        charged=_charged(found),
        calls=calls,
        calls_before=_sum(found.yesterday, "calls"),
        failed=failed,
        error_rate_bp=failed * 10_000 // calls if calls else None,
        incidents=await _incidents(found, called),
        vendors=await called.organisations({each.submission.vendor_id for each in found.queue}),
        calls_chart=calls_chart,
        charged_charts=charged_charts,
    )
    return visit.show("operator/overview.html", shown)


async def _charts(sums: Summing, visit: Visit) -> tuple[Chart, list[Chart]]:
    today = visit.now.astimezone(ZoneInfo(visit.zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = SeriesWanted(
        side="marketplace", since=today - _DAY * (_DAYS - 1), until=today + _DAY, zone=visit.zone,
        metrics=("calls", "charged_nanos"),
    )  # fmt: skip
    found = await sums.series(visit.caller, wanted)
    starts = found.steps.starts
    calls = [sum(line.values["calls"][at] for line in found.totals) for at in range(len(starts))]
    money = {line.currency: line.values["charged_nanos"] for line in found.totals} or {"USD": [0] * len(starts)}
    moments = charts.moments(starts, visit.zone, _DAY)
    return (
        charts.bars("Calls", charts.periods(starts, visit.zone, _DAY), [charts.Line("calls", calls)], CALLS),
        [
            charts.area(
                "Charged" if len(money) == 1 else f"Charged, {currency}", moments, [charts.Line("charged", values)],
                charged_in(currency),
            )
            for currency, values in money.items()
        ],
    )  # fmt: skip


def _sum(lines: Sequence[Line], metric: str) -> int:
    return sum(line.total.get(metric, 0) for line in lines)


def _charged(found: Overview) -> list[tuple[str, int, int]]:
    now, before = (
        {line.currency: line.total.get("charged_nanos", 0) for line in lines}
        for lines in (found.today, found.yesterday)
    )
    currencies = sorted({*now, *before}, reverse=True) or ["USD"]
    return [(currency, now.get(currency, 0), before.get(currency, 0)) for currency in currencies]


async def _incidents(found: Overview, called: Names) -> list[Incident]:
    services = await called.services({alert.service_id for alert in found.alerts})
    down = [
        Incident("Service down", each.name, "/ops/health", each.row.since if each.row else None)
        for each in found.services
        if each.state == "down"
    ]
    alerts = [
        Incident("Service level", f"{services.get(each.service_id, '')}, {each.objective}", "/ops", each.opened_at)
        for each in found.alerts
    ]
    vendors = await called.organisations({each.target for each in found.switches if each.scope == "vendor"})
    switches = [
        Incident(
            "Kill switch",
            "the whole desk" if each.scope == "all" else vendors.get(each.target, each.target),
            "/desk/switches",
            each.thrown_at,
        )
        for each in found.switches
    ]
    return down + alerts + switches
