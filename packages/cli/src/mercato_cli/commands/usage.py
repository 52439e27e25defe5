"""`mp usage`: what was called and what it costs, in sums and over time."""

from collections.abc import Callable
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
_MORE = [
    "billed", "tokens_cached", "bytes_in", "bytes_out", "duration_us", "included", "unpaid_nanos", "adjusted_nanos",
    "error_rate_bp", "mean_us", "p50_us", "p95_us", "p99_us",
]  # fmt: skip
_FILTERS: tuple[Callable[[Any], Any], ...] = (
    click.option("--service", "service_id", metavar="ID", help="Only calls of this service."),
    click.option("--release", "release_id", metavar="ID", help="Only calls that this release answered."),
    click.option("--key", "key_id", metavar="ID", help="Only calls with this key, or what it was rotated from."),
    click.option("--subscription", "subscription_id", metavar="ID", help="Only calls under this subscription."),
    click.option("--consumer", "consumer_id", metavar="ID", help="Only calls of this organisation."),
    click.option("--vendor", "vendor_id", metavar="ID", help="Only calls of this vendor's services."),
    click.option("--operation", metavar="TEXT", help="Only this operation, such as 'POST /v1/embeddings'."),
    click.option("--protocol", metavar="NAME", help="Only services of this protocol."),
    click.option("--status-class", type=click.Choice([*"12345"]), help="Only answers of this class; 5: failed ones."),
)


def _filtered(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_FILTERS):
        function = option(function)
    return function


@click.command()
@click.option("--by", "groups", type=click.Choice(_GROUPS), multiple=True, default=["service"], show_default=True,
              help="What to add up by; twice for two groups.")  # fmt: skip
@click.option("--step", type=click.Choice(["15m", "hour", "day", "week", "month"]), help="Show it over time, so long.")
@click.option("--zone", metavar="ZONE", help="The time zone of days, such as Asia/Kolkata. Default: UTC.")
@click.option("--compare", is_flag=True, help="Compare with the period just before.")
@click.option("--forecast", is_flag=True, help="Also forecast the total of the period.")
@click.option("--metric", "more", type=click.Choice(_MORE), multiple=True, metavar="NAME",
              help="Show this figure too, such as p95_us or bytes_out; several times for several.")  # fmt: skip
@click.option("--top", type=click.IntRange(1, 100), help="How many lines at most, the largest first; 20.")
@_filtered
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
    more: tuple[str, ...],
    top: int | None,
    as_vendor: bool,
    everyone: bool,
    since: object,
    until: object,
    **narrowed: str | None,
) -> None:
    """Calls, tokens and costs of this month, or of the days from --since until --until.

    Failed are answers of status 500 and above.
    """
    side = "marketplace" if everyone else "vendor" if as_vendor else "consumer"
    asked: dict[str, Any] = {"side": side, "since": _moment(since, zone), "until": _moment(until, zone)}
    if (
        len(groups) == 1
        and groups[0] in _SUMS
        and not (step or zone or compare or forecast or more or top or any(narrowed.values()))
    ):
        answer = mp.client.usage(asked | {"group_by": groups[0]})
        mp.console.show(answer.model_dump(mode="json"), lambda: _show(mp, answer))
        return
    named = [group for group in groups if group != "day"]
    asked |= {"group_by": named, "step": step or "day", "zone": zone or "UTC"}
    asked |= {"metric": [*_METRICS, *more], "top": top, **narrowed}
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
    more = [name for name in answer.metrics if name not in _METRICS]
    headers += ["calls", "failed", "tokens in", "tokens out", "cost", *(name.replace("_", " ") for name in more)]
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
    more = [f"{value:,}" for name, value in found.items() if name in _MORE]
    return [*(f"{found[name]:,}" for name in _METRICS[:4]), _cost(found, currency), *more]


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
