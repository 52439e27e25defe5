"""`mp usage`: what was called and what it costs."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.prices import amount

if TYPE_CHECKING:
    from mercato_contracts.metering import UsageAnswer, UsageSumView


@click.command()
@click.option("--by", "group", type=click.Choice(["service", "day", "key", "subscription", "consumer", "vendor"]),
              default="service", show_default=True, help="What to group by.")  # fmt: skip
@click.option("--as-vendor", is_flag=True, help="Calls of your services instead of your own calls.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="First day, UTC. Default: the first of this month.",
)
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", help="The day after the last, UTC.")
@command
def usage(mp: Mp, group: str, as_vendor: bool, since: object, until: object) -> None:
    """Calls, tokens and costs of this month, or of the days from --since until --until."""
    asked = {
        "side": "vendor" if as_vendor else "consumer",
        "group_by": group,
        "since": _utc(since),
        "until": _utc(until),
    }
    answer = mp.client.usage(asked)
    mp.console.show(answer.model_dump(mode="json"), lambda: _show(mp, answer))


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


def _utc(day: object) -> str | None:
    return None if day is None else f"{str(day)[:10]}T00:00:00Z"
