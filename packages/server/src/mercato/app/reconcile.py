"""`mercato reconcile`: a period again from its usage events, and everything that must agree with them."""

import asyncio
import json
import time
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from mercato.app.records import open_records, require_schema
from mercato.app.settings import Settings

if TYPE_CHECKING:
    from mercato.billing import Progress, Reconciliation

_TELL_SECONDS = 3.0
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
        rate = _Rate()
        found = asyncio.run(_reconcile(url, since.date(), until.date(), rate))
    click.echo(rate.summary(found.digest.calls), err=True)
    if as_json:
        click.echo(json.dumps(as_object(found), default=str))
    else:
        _print(found)
    if not found.agrees:
        raise SystemExit(1)


class _Rate:
    """Tells on stderr how far it is, every few seconds, and at the end how fast it was."""

    def __init__(self) -> None:
        self._began = self._reported = time.monotonic()
        self._events = 0

    def __call__(self, day: date, events: int) -> None:
        self._events += events
        now = time.monotonic()
        if now - self._reported >= _TELL_SECONDS:
            self._reported = now
            click.echo(f"{day}: {self._events} events so far, {self._per_second(self._events)} a second", err=True)

    def summary(self, events: int) -> str:
        return f"{events} events in {time.monotonic() - self._began:.1f} s, {self._per_second(events)} a second"

    def _per_second(self, events: int) -> int:
        return round(events / max(time.monotonic() - self._began, 0.001))


async def _reconcile(url: str, since: date, until: date, progress: "Progress") -> "Reconciliation":
    from mercato.billing import Reconciling
    from mercato.platform import Database

    database = Database(url, pool_size=1)
    try:
        async with database.transaction() as session:
            return await Reconciling(session).reconcile(since, until, progress)
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
    if not any(one.kind == "rollup" for one in found.disagreements):
        click.echo(f"sums    those of {found.digest.calls} calls that pages and exports show are those of the events")
    click.echo("everything agrees" if found.agrees else "NOT RECONCILED")
