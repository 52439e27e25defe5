"""`mp estimate`: what a month would cost under each plan of a service."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.names import split_name
from mercato_cli.prices import amount

if TYPE_CHECKING:
    from mercato_contracts.statements import PriceEstimate

_UNITS = click.IntRange(0, 10**12)


@click.command()
@click.argument("service")
@click.option("--calls", type=_UNITS, metavar="N", help="Calls of a month.")
@click.option("--tokens-in", type=_UNITS, metavar="N", help="Their tokens in.")
@click.option("--tokens-out", type=_UNITS, metavar="N", help="Their tokens out.")
@command
def estimate(mp: Mp, service: str, calls: int | None, tokens_in: int | None, tokens_out: int | None) -> None:
    """What a month of SERVICE (vendor/name) would cost under each plan.

    Of the workload given; with none, of your own calls in the month before.
    """
    vendor, name, _ = split_name(service)
    workload = {"calls": calls, "tokens_in": tokens_in, "tokens_out": tokens_out}
    found = mp.client.estimate(vendor, name, workload)
    mp.console.show(found.model_dump(mode="json"), lambda: _show(mp, found))


def _show(mp: Mp, found: "PriceEstimate") -> None:
    of = "" if found.since is None else f" in {found.since:%Y-%m}"
    mp.console.say(f"{found.calls:,} calls, {found.tokens_in:,} tokens in, {found.tokens_out:,} out{of}")
    rows = [
        (one.plan, amount(one.nanos, one.currency), f"{one.included_units:,}",  # type: ignore[arg-type]
         f"{one.refused_units:,}" if one.refused_units else "")
        for one in found.items
    ]  # fmt: skip
    mp.console.table(["plan", "a month", "units included", "units refused"], rows, "It offers no plan now.")
