"""`mp usage`: what was called and what it costs, in sums and over time."""

from typing import TYPE_CHECKING, Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.prices import amount

if TYPE_CHECKING:
    from mercato_contracts.figures import SeriesAnswer, SeriesLine
    from mercato_contracts.metering import UsageAnswer, UsageSumView

_GROUPS = ["service", "day", "key", "subscription", "consumer", "vendor", "release", "operation", "status", "protocol"]
_SUMS = frozenset({"service", "day", "key", "subscription", "consumer", "vendor"})
_METRICS = ["calls", "failed", "tokens_in", "tokens_out", "charged_nanos"]


@click.command()
@click.option("--by", "groups", type=click.Choice(_GROUPS), multiple=True, default=["service"], show_default=True,
              help="What to add up by; twice for two groups.")  # fmt: skip
@click.option("--step", type=click.Choice(["15m", "hour", "day", "week", "month"]), help="Show it over time, so long.")
@click.option("--zone", metavar="ZONE", help="The time zone of days, such as Asia/Kolkata. Default: UTC.")
@click.option("--compare", is_flag=True, help="Compare with the period just before.")
@click.option("--forecast", is_flag=True, help="Also forecast the total of the period.")
@click.option("--as-vendor", is_flag=True, help="The calls of your services, instead of your own calls.")
@click.option("--everyone", is_flag=True, help="The calls of all organisations (operators).")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", help="First day; this month's first, UTC.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", help="The day after the last.")
@command
def usage(
    mp: Mp,
    groups: tuple[str, ...],
    step: str | None,
    zone: str | None,
    compare: bool,
    forecast: bool,
    as_vendor: bool,
    everyone: bool,
    since: object,
    until: object,
) -> None:
    """Calls, tokens and costs of this month, or of the days from --since until --until."""
    side = "marketplace" if everyone else "vendor" if as_vendor else "consumer"
    asked: dict[str, Any] = {"side": side, "since": _moment(since, zone), "until": _moment(until, zone)}
    if len(groups) == 1 and groups[0] in _SUMS and not (step or zone or compare or forecast):
        answer = mp.client.usage(asked | {"group_by": groups[0]})
        mp.console.show(answer.model_dump(mode="json"), lambda: _show(mp, answer))
        return
    named = [group for group in groups if group != "day"]
    asked |= {"group_by": named, "step": step or "day", "zone": zone or "UTC", "metric": _METRICS}
    asked |= {"compare": "true" if compare else None, "forecast": "true" if forecast else None}
    series = mp.client.series(asked)
    # Over time where a step was asked for, or days were.
    over_time = step is not None or "day" in groups
    mp.console.show(series.model_dump(mode="json"), lambda: _show_series(mp, series, over_time=over_time))


def _show(mp: Mp, answer: "UsageAnswer") -> None:
    several = {item.currency for item in answer.totals}
    rows = [_row(item.name or item.group, item) for item in answer.items]
    rows += [_row(f"total {item.currency}" if len(several) > 1 else "total", item) for item in answer.totals]
    headers = [answer.group_by, "calls", "failed", "tokens in", "tokens out", "included", "cost"]
    if any(item.unpaid_nanos for item in answer.totals):
        headers.append("beyond limits")
        rows = [
            (*row, amount(item.unpaid_nanos, item.currency))  # type: ignore[arg-type]
            for row, item in zip(rows, [*answer.items, *answer.totals], strict=True)
        ]
    mp.console.table(headers, rows, "No calls in this period. Make one with `mp call`.")


def _row(name: str, item: "UsageSumView") -> tuple[object, ...]:
    cost = amount(item.price_nanos, item.currency)  # type: ignore[arg-type]
    return (name, *(f"{n:,}" for n in (item.calls, item.failed, item.tokens_in, item.tokens_out, item.included)), cost)


def _show_series(mp: Mp, answer: "SeriesAnswer", *, over_time: bool) -> None:
    empty = [""] * (len(answer.group_by) - 1)
    lines = [(_names(line), line) for line in answer.series]
    lines += [(["total", *empty] if answer.group_by else [], line) for line in answer.totals]
    rows = [row for names, line in lines for row in _rows(answer, names, line, over_time=over_time)]
    headers: list[str] = [*answer.group_by, *([answer.step] if over_time else [])]
    headers += ["calls", "failed", "tokens in", "tokens out", "cost"]
    if not over_time and any(line.before_total for _, line in lines):
        headers += ["calls before", "cost before"]
    mp.console.table(headers, rows, "No calls in this time. Make one with `mp call`.")
    for one in answer.forecast:
        expected, low, high = (_cost(found, one.currency) for found in (one.expected, one.low, one.high))
        mp.console.say(
            f"Expected until {answer.until:%Y-%m-%d %H:%M} UTC: {one.expected['calls']:,} calls, {expected}"
            f" (between {low} and {high})."
        )


def _names(line: "SeriesLine") -> list[str]:
    return [name or key for name, key in zip(line.names, line.keys, strict=True)]


def _rows(answer: "SeriesAnswer", names: list[str], line: "SeriesLine", *, over_time: bool) -> list[list[object]]:
    if not over_time:
        before = line.before_total
        beside = [] if before is None else [f"{before['calls']:,}", _cost(before, line.currency)]
        return [[*names, *_figures(line.total, line.currency), *beside]]
    from zoneinfo import ZoneInfo

    zone, rows = ZoneInfo(answer.zone), list[list[object]]()
    shape = "%Y-%m-%d" if answer.step in ("day", "week", "month") else "%Y-%m-%d %H:%M"
    for place, start in enumerate(answer.steps):
        found = {name: values[place] for name, values in line.values.items()}
        if any(found.values()):
            rows.append([*names, f"{start.astimezone(zone):{shape}}", *_figures(found, line.currency)])
    return rows


def _figures(found: dict[str, int], currency: str) -> list[object]:
    return [*(f"{found[name]:,}" for name in _METRICS[:4]), _cost(found, currency)]


def _cost(found: dict[str, int], currency: str) -> str:
    nanos = found["charged_nanos"] if "charged_nanos" in found else found["price_nanos"] + found["adjusted_nanos"]
    return amount(nanos, currency)  # type: ignore[arg-type]


def _moment(day: object, zone: str | None) -> str | None:
    """A day's first moment there. What is no zone is left to the marketplace, which refuses it."""
    if day is None:
        return None
    from datetime import datetime
    from zoneinfo import ZoneInfo

    try:
        there = ZoneInfo(zone or "UTC")
    except (KeyError, ValueError, OSError):
        there = ZoneInfo("UTC")
    return datetime.fromisoformat(str(day)[:10]).replace(tzinfo=there).isoformat()
