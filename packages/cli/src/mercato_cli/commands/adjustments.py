"""`mp adjustments`: what was corrected of past charges, and giving back what was charged wrongly."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.prices import amount

if TYPE_CHECKING:
    from mercato_contracts.billing import AdjustmentView


@click.group()
def adjustments() -> None:
    """Corrections of past charges."""


@adjustments.command("list")
@click.option("--as-vendor", is_flag=True, help="Those of your services' consumers instead of your own.")
@command
def list_adjustments(mp: Mp, as_vendor: bool) -> None:
    """List corrections, oldest first."""
    found = mp.client.list_adjustments("vendor" if as_vendor else "consumer")
    rows = [
        (row.id, row.event_id or f"{row.since} to {row.until}", _money(row), row.reason, str(row.at)[:16])
        for row in found
    ]
    headers = ["id", "event or days", "amount", "reason", "posted"]
    mp.console.show(
        {"items": [row.model_dump(mode="json") for row in found]},
        lambda: mp.console.table(headers, rows, "No corrections."),
    )


@adjustments.command("credit")
@click.argument("event_id")
@click.option("--reason", required=True, help="The reason; shown to the consumer.")
@click.option("--reference", help="Your reference; repeating it posts nothing again. Default: the event's id.")
@click.option("--requests", type=click.IntRange(min=0), default=0, help="1 credits the price of the call.")
@click.option("--tokens-in", type=click.IntRange(min=0), default=0, help="Input tokens charged in excess.")
@click.option("--tokens-out", type=click.IntRange(min=0), default=0, help="Output tokens charged in excess.")
@click.option("--nanos", type=click.IntRange(min=0), help="An amount in nano-units instead of the units' price.")
@command
def credit(
    mp: Mp,
    event_id: str,
    reason: str,
    reference: str | None,
    requests: int,
    tokens_in: int,
    tokens_out: int,
    nanos: int | None,
) -> None:
    """Credit some or all of what a call of your service was charged."""
    from mercato_contracts.billing import AdjustmentRequest

    request = AdjustmentRequest(
        reference=reference or event_id,
        reason=reason,
        event_id=event_id,
        requests=requests,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        nanos=nanos,
    )
    posted = mp.client.adjust(request)
    mp.console.show(
        posted.model_dump(mode="json"), lambda: mp.console.say(f"{posted.id}: {_money(posted)} is credited.")
    )


def _money(row: "AdjustmentView") -> str:
    return amount(row.nanos, row.currency)  # type: ignore[arg-type]
