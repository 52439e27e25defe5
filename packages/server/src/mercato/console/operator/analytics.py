"""How the marketplace grows: what the worker made last, each chart with the table of its figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import Depends, Response

from mercato.api.analytics import show_analytics as analytics_of
from mercato.console import charts
from mercato.console.charts import Chart, Unit
from mercato.console.formatting import money
from mercato.console.operator.ages import age
from mercato.console.operator.figures import CALLS
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn
from mercato_contracts.analytics import AnalyticsView, CurrencyForecast, Mover

router = page_router()
_ZONE = "UTC"
_DAY = timedelta(days=1)
_CONSUMERS = Unit("consumers")
_SERVICES = Unit("services")


@dataclass(frozen=True, slots=True)
class Movement:
    """Consumers or services that moved most."""

    title: str
    movers: Sequence[Mover]


@dataclass(frozen=True, slots=True)
class AnalyticsPage:
    """Everything that was made, and its charts; a forecast and a share for each currency."""

    found: AnalyticsView
    kept: Chart
    grown: Chart
    funnel: Chart
    forecasts: Sequence[tuple[Chart, Chart]]
    takes: Sequence[Chart]
    movements: Sequence[Movement]
    age: Callable[[int | None], str] = age


@router.get("/ops/analytics")
async def show_analytics(visit: SignedIn, found: Annotated[AnalyticsView, Depends(analytics_of)]) -> Response:
    """All reports on one page."""
    page = AnalyticsPage(
        found=found,
        kept=_kept(found),
        grown=_grown(found),
        funnel=_funnel(found),
        forecasts=[(_expected_calls(each), _expected_money(each)) for each in found.forecast],
        takes=[_take(found, currency) for currency in sorted({each.currency for each in found.take})],
        movements=[
            Movement(title, [each for each in found.movers if each.kind == kind])
            for title, kind in (("Consumers that moved most", "consumer"), ("Services that moved most", "service"))
        ],
    )
    return visit.show("operator/analytics.html", page)


def _kept(found: AnalyticsView) -> Chart:
    weeks = charts.periods([_at(each.week) for each in found.retention], _ZONE, 7 * _DAY)
    lines = [
        charts.Line("kept", [each.kept for each in found.retention]),
        charts.Line("new", [each.new for each in found.retention]),
        charts.Line("returned", [each.returned for each in found.retention]),
    ]
    return charts.bars("Consumers who called, week by week", weeks, lines, _CONSUMERS)


def _grown(found: AnalyticsView) -> Chart:
    months = charts.periods([_at(each.month) for each in found.cohorts], _ZONE, 31 * _DAY)
    line = charts.Line("new consumers", [each.size for each in found.cohorts])
    return charts.bars("New consumers, month by month", months, [line], _CONSUMERS)


def _funnel(found: AnalyticsView) -> Chart:
    months = charts.periods([_at(each.month) for each in found.funnel], _ZONE, 31 * _DAY)
    # Each service stands in the bar once, as far as it came.
    lines = [
        charts.Line("called", [each.called for each in found.funnel]),
        charts.Line("released, not called", [each.released - each.called for each in found.funnel]),
        charts.Line("not released", [each.submitted - each.released for each in found.funnel]),
    ]
    return charts.bars("New services, and how far they came", months, lines, _SERVICES)


def _expected_calls(found: CurrencyForecast) -> Chart:
    so_far, ahead = [each.calls for each in found.days], [each.calls for each in found.ahead]
    return _forecast(f"Calls in {found.currency}", found, so_far, ahead, CALLS)


def _expected_money(found: CurrencyForecast) -> Chart:
    so_far, ahead = [each.charged_nanos for each in found.days], [each.charged_nanos for each in found.ahead]
    return _forecast(f"Charged in {found.currency}", found, so_far, ahead, _money_unit(found.currency))


def _forecast(title: str, found: CurrencyForecast, so_far: list[int], ahead: list[int], unit: Unit) -> Chart:
    """Two lines, each with a gap where the other one is."""
    days = [_at(each.day) for each in found.days] + [_at(each.day) for each in found.ahead]
    lines = [
        charts.Line("so far", [*so_far, *(None for _ in ahead)]),
        charts.Line("expected", [*(None for _ in so_far), *ahead]),
    ]
    return charts.line(title, charts.moments(days, _ZONE, _DAY), lines if ahead else lines[:1], unit)


def _take(found: AnalyticsView, currency: str) -> Chart:
    own = [each for each in found.take if each.currency == currency]
    months = charts.periods([_at(each.month) for each in own], _ZONE, 31 * _DAY)
    line = charts.Line("the marketplace's share", [each.taken_nanos for each in own])
    return charts.bars(f"Take in {currency}, month by month", months, [line], _money_unit(currency))


def _money_unit(currency: str) -> Unit:
    def write(value: float) -> str:
        return money(int(value), currency)

    return Unit(currency, write=write, write_tick=write, summed=True)


def _at(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
