"""`mp calls` and `mp call-detail`: single calls, and one with all that explains it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.commands.exports import export, exported
from mercato_cli.prices import amount

if TYPE_CHECKING:
    from mercato_contracts.calls import CallExplanation, CallView

_DAY = click.DateTime(["%Y-%m-%d"])
_FILTERS: tuple[Callable[[Any], Any], ...] = (
    click.option("--key", "key_id", metavar="ID", help="Only calls with this key, or what it was rotated from."),
    click.option("--service", "service_id", metavar="ID", help="Only calls of this service."),
    click.option("--release", "release_id", metavar="ID", help="Only calls that this release answered."),
    click.option("--deployment", "deployment_id", metavar="ID", help="Only calls that this deployment answered."),
    click.option("--subscription", "subscription_id", metavar="ID", help="Only calls under this subscription."),
    click.option("--consumer", "consumer_id", metavar="ID", help="Only calls of this organisation."),
    click.option("--vendor", "vendor_id", metavar="ID", help="Only calls of this vendor's services."),
    click.option("--request", "request_id", metavar="ID", help="Only the calls of this request."),
    click.option("--operation", metavar="TEXT", help="Only this operation, such as 'POST /v1/embeddings'."),
    click.option("--status", type=click.IntRange(100, 599), help="Only answers of this status."),
    click.option("--status-class", type=click.Choice([*"12345"]), help="Only answers of this class; 5: failed ones."),
    click.option("--failed", is_flag=True, default=None, help="Only refused or failed: status 400 and above."),
    click.option("--error", metavar="CODE", help="Only calls that a limit of this code ended."),
    click.option("--streamed/--not-streamed", default=None, help="Only streams, or only the others."),
    click.option("--left/--stayed", "client_left", default=None, help="Only calls whose caller left, or stayed."),
    click.option("--fallback/--direct", default=None, help="Only calls that a fallback answered, or the others."),
    click.option("--gateway", metavar="NAME", help="Only calls through this gateway."),
    click.option("--slower-than", "duration_above_us", type=click.IntRange(0), metavar="US", help="Microseconds."),
    click.option("--dearer-than", "price_above_nanos", type=click.IntRange(0), metavar="NANOS", help="Nano-units."),
)


def _filtered(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_FILTERS):
        function = option(function)
    return function


@click.command()
@_filtered
@click.option("--as-vendor", is_flag=True, help="The calls of your services, instead of your own calls.")
@click.option("--everyone", is_flag=True, help="The calls of all organisations (operators).")
@click.option("--since", type=_DAY, metavar="DAY", help="First day, UTC; 31 days ago.")
@click.option("--until", type=_DAY, metavar="DAY", help="The day after the last, UTC.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The maximum number of results."
)
@exported
@command
def calls(
    mp: Mp,
    as_vendor: bool,
    everyone: bool,
    since: object,
    until: object,
    limit: int,
    export_as: str | None,
    **narrowed: Any,
) -> None:
    """Single calls, the newest first; all of them with --csv or --jsonl."""
    side = "marketplace" if everyone else "vendor" if as_vendor else "consumer"
    asked = {"side": side, "since": utc(since), "until": utc(until), **narrowed}
    if export_as is not None:
        export(mp, "/api/usage/calls/export", asked, export_as)
        return
    found = mp.client.calls(asked, limit)
    mp.console.show({"items": [one.model_dump(mode="json") for one in found]}, lambda: _show(mp, found))


@click.command("call-detail")
@click.argument("call_id")
@command
def call_detail(mp: Mp, call_id: str) -> None:
    """One call: who answered, how its price came about, what it spent of which limit, where the ledger has it."""
    found = mp.client.call_detail(call_id)
    mp.console.show(found.model_dump(mode="json"), lambda: _show_detail(mp, found))


def _show(mp: Mp, found: "list[CallView]") -> None:
    rows = [
        (one.id, one.at, one.service or one.service_id, one.key or one.consumer, one.status,
         f"{one.tokens_in:,}", f"{one.tokens_out:,}", f"{one.duration_us / 1000:,.0f} ms", _money(one.price_nanos, one))
        for one in found
    ]  # fmt: skip
    headers = ["id", "at", "service", "by", "status", "tokens in", "tokens out", "took", "cost"]
    mp.console.table(headers, rows, "No such calls. Try an earlier --since.")


def _show_detail(mp: Mp, found: "CallExplanation") -> None:
    one = found.call
    mp.console.fields([
        ("call", one.id), ("at", f"{one.at:%Y-%m-%d %H:%M:%S} UTC"), ("request", one.request_id),
        ("asked for", found.asked_service or one.service or one.service_id),
        ("answered by", f"{one.service or one.service_id} {one.version or one.release_id}, {one.deployment_id}"),
        ("operation", one.operation), ("status", one.status),
        ("took", f"{one.duration_us / 1000:,.1f} ms, {one.overhead_us / 1000:,.1f} ms of it in the gateway"),
        ("tokens", f"{one.tokens_in:,} in, {one.tokens_out:,} out, counted: {one.source}"),
        ("plan", found.plan), ("price", _money(one.price_nanos, one)),
        ("stands at", _money(found.stands_at_nanos, one)),
        ("dispute", "none" if found.dispute is None else f"{found.dispute.id}, {found.dispute.state}"),
    ])  # fmt: skip
    if not found.is_owed:
        mp.console.say("An answer of this status costs nothing.")
    lines = [(line.item.replace("_", " "), f"{line.units:,}", f"{line.covered:,}", _money(line.nanos, one))
             for line in found.lines]  # fmt: skip
    _section(mp, "Price", ["for", "units", "covered by the plan", "amount"], lines)
    spent = [(slice_.scope or slice_.lease, f"{slice_.units:,}") for slice_ in found.spent or []]
    _section(mp, "Spent of limits", ["limit", "units"], spent)
    adjusted = [(each.id, each.at, each.reason, _money(each.nanos, one)) for each in found.adjustments]
    _section(mp, "Adjustments", ["id", "at", "reason", "amount"], adjusted)
    entries = [
        (entry.number, entry.day, entry.item, entry.organisation or entry.account_id, f"{entry.calls:,}",
         _money(entry.amount_nanos, entry), entry.document_id or "not billed yet")
        for entry in found.entries
    ]  # fmt: skip
    _section(mp, "Ledger, with what came in the same batch",
             ["number", "day", "for", "account of", "calls", "amount", "document"], entries)  # fmt: skip


def _section(mp: Mp, title: str, headers: list[str], rows: list[Any]) -> None:
    if rows:
        mp.console.say(f"\n{title}")
        mp.console.table(headers, rows, "")


def _money(nanos: int, of: Any) -> str:
    return amount(nanos, of.currency)


def utc(day: object) -> str | None:
    """A day's first moment, UTC."""
    return None if day is None else f"{str(day)[:10]}T00:00:00Z"
