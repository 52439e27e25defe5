"""`mercato reconcile`: a period again from its usage events, and everything that must agree with them."""

import asyncio
import json
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from mercato.app.records import open_records, require_schema
from mercato.app.settings import Settings

if TYPE_CHECKING:
    from mercato.billing import Reconciliation

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--from", "since", type=_DAY, required=True, metavar="DAY", help="The first day, UTC.")
@click.option("--to", "until", type=_DAY, required=True, metavar="DAY", help="The day after the last, UTC.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def reconcile(settings: Settings, since: datetime, until: datetime, as_json: bool) -> None:
    """Recompute a period from its usage events; exit code 1 when anything disagrees.

    Every call is priced anew; ledger, adjustments, invoices, payouts and quota counters are compared with it. The hash
    is over the events alone: the same run, anywhere, over the same events gives the same.
    """
    if since >= until:
        raise click.UsageError("--to is after --from")
    with open_records(settings, lambda text: click.echo(text, err=True)) as url:
        require_schema(url)
        found = asyncio.run(_reconcile(url, since.date(), until.date()))
    if as_json:
        click.echo(json.dumps(as_object(found), default=str))
    else:
        _print(found)
    if not found.agrees:
        raise SystemExit(1)


async def _reconcile(url: str, since: date, until: date) -> "Reconciliation":
    from mercato.billing import Reconciling
    from mercato.platform import Database

    database = Database(url, pool_size=1)
    try:
        async with database.transaction() as session:
            return await Reconciling(session).reconcile(since, until)
    finally:
        await database.close()


def as_object(found: "Reconciliation") -> dict[str, Any]:
    """For machines."""
    names = ("consumer_id", "vendor_id", "service_id", "currency")
    return {
        "calls": found.digest.calls,
        "sha256": found.digest.digest,
        "totals": [dict(zip(names, key, strict=True)) | asdict(total) for key, total in sorted(found.totals.items())],
        "differences": [
            dict(zip(("day", *names), item.key, strict=True))
            | {name: getattr(item, name) for name in ("event_calls", "posted_calls", "event_nanos", "posted_nanos")}
            for item in found.differences
        ],
        "disagreements": [asdict(item) for item in found.disagreements],
    }


def _print(found: "Reconciliation") -> None:
    for (consumer, vendor, service, currency), total in sorted(found.totals.items()):
        click.echo(
            f"{consumer} {vendor} {service} {currency}: {total.calls} calls, {total.tokens_in}+{total.tokens_out}"
            f" tokens, {total.nanos} nanos, {total.adjusted_nanos:+d} adjusted"
        )
    click.echo(f"calls   {found.digest.calls}")
    click.echo(f"sha256  {found.digest.digest}")
    for item in found.differences:
        click.echo(
            f"ledger: {' '.join(map(str, item.key))}: events say {item.event_calls} calls, {item.event_nanos} nanos;"
            f" postings {item.posted_calls} calls, {item.posted_nanos} nanos"
        )
    for one in found.disagreements:
        click.echo(f"{one.kind}: {one.id}: expected {one.expected}, found {one.found} ({one.detail})")
    click.echo("everything agrees" if found.agrees else "NOT RECONCILED")
