"""`mp analytics`: how the marketplace grows, as its worker made it last."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command

if TYPE_CHECKING:
    from mercato_contracts.analytics import AnalyticsView

REPORTS = ("cohorts", "retention", "funnel", "forecast", "movers", "take", "searches", "refusals")
_NANO = 1_000_000_000
_SHOWN_DAYS = 7


@click.command()
@click.argument("report", type=click.Choice(REPORTS), required=False)
@command
def analytics(mp: Mp, report: str | None) -> None:
    """Cohorts, retention, funnel, forecast, movers, take, searches without results and refusals; all, or one REPORT."""
    found = mp.client.analytics()
    facts = found.model_dump(mode="json")
    shown = facts if report is None else {name: facts[name] for name in ("made_at", "until", "digest", report)}
    mp.console.show(shown, lambda: _draw(mp, found, REPORTS if report is None else (report,)))


def _draw(mp: Mp, found: "AnalyticsView", reports: tuple[str, ...]) -> None:
    if found.made_at is None:
        mp.console.say("The worker has made none yet; it does within a minute of its start.")
        return
    mp.console.say(f"Made {found.made_at:%Y-%m-%d %H:%M} UTC.")
    for report in reports:
        headers, rows = _TABLES[report](found)
        mp.console.say(f"\n{report}")
        mp.console.table(headers, rows, "Nothing yet.")


def _cohorts(found: "AnalyticsView") -> tuple[list[str], list[tuple[object, ...]]]:
    rows: list[tuple[object, ...]] = [
        (f"{each.month:%Y-%m}", each.size, " ".join(str(count) for count in each.active)) for each in found.cohorts
    ]
    return ["first call in", "consumers", "active in that month and those after"], rows


def _retention(found: "AnalyticsView") -> tuple[list[str], list[tuple[object, ...]]]:
    rows: list[tuple[object, ...]] = [
        (each.week, each.active, each.kept, _share(each.kept_bp), each.new, each.returned, each.lost)
        for each in found.retention
    ]
    return ["week from", "active", "kept", "of the week before", "new", "returned", "lost"], rows


def _funnel(found: "AnalyticsView") -> tuple[list[str], list[tuple[object, ...]]]:
    rows: list[tuple[object, ...]] = [
        (
            f"{each.month:%Y-%m}", each.submitted, each.released, each.called,
            _time(each.release_seconds), _time(each.call_seconds),
        )
        for each in found.funnel
    ]  # fmt: skip
    return ["submitted in", "services", "released", "called", "to the release", "to the first call"], rows


def _forecast(found: "AnalyticsView") -> tuple[list[str], list[tuple[object, ...]]]:
    rows: list[tuple[object, ...]] = [
        (day.day, each.currency, day.calls, f"{day.calls_low} to {day.calls_high}", _money(day.charged_nanos))
        for each in found.forecast
        for day in each.ahead[:_SHOWN_DAYS]
    ]
    return ["day", "currency", "calls expected", "range", "charged"], rows


def _movers(found: "AnalyticsView") -> tuple[list[str], list[tuple[object, ...]]]:
    rows: list[tuple[object, ...]] = [
        (
            each.kind, each.name or each.id, each.currency, each.calls_before, each.calls,
            _money(each.charged_before_nanos), _money(each.charged_nanos),
        )
        for each in found.movers
    ]  # fmt: skip
    return ["what", "name", "currency", "calls before", "calls", "charged before", "charged"], rows


def _take(found: "AnalyticsView") -> tuple[list[str], list[tuple[object, ...]]]:
    rows: list[tuple[object, ...]] = [
        (f"{each.month:%Y-%m}", each.currency, _money(each.charged_nanos), _money(each.taken_nanos),
         _share(each.taken_bp))
        for each in found.take
    ]  # fmt: skip
    return ["month", "currency", "charged", "the marketplace's", "share"], rows


def _searches(found: "AnalyticsView") -> tuple[list[str], list[tuple[object, ...]]]:
    rows: list[tuple[object, ...]] = [
        (each.words or "(asked by fewer than three)", each.searches, each.askers, each.last_on)
        for each in found.searches
    ]
    return ["words without results", "searches", "askers", "last"], rows


def _refusals(found: "AnalyticsView") -> tuple[list[str], list[tuple[object, ...]]]:
    rows: list[tuple[object, ...]] = [(each.code, each.refusals, each.refusals_before) for each in found.refusals]
    return ["code", "refused in 7 days", "in the 7 before"], rows


_TABLES = {
    "cohorts": _cohorts, "retention": _retention, "funnel": _funnel,
    "forecast": _forecast, "movers": _movers, "take": _take, "searches": _searches, "refusals": _refusals,
}  # fmt: skip


def _money(nanos: int) -> str:
    return f"{nanos / _NANO:,.2f}"


def _share(points: int | None) -> str:
    return "" if points is None else f"{points // 100}.{points % 100:02d} %"


def _time(seconds: int | None) -> str:
    if seconds is None:
        return ""
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {minutes} min"
