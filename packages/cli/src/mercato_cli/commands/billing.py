"""`mp invoices` and `mp payouts`: what was billed, and what was earned."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.prices import amount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mercato_contracts.billing import InvoiceDetail, InvoiceView, PayoutDetail, PayoutView

_EVERYONE = click.option("--everyone", is_flag=True, help="Include all organisations (operators only).")


@click.group()
def invoices() -> None:
    """What your organisation owes for calls and plans, by month."""


@invoices.command("list")
@_EVERYONE
@command
def list_invoices(mp: Mp, everyone: bool) -> None:
    """List your invoices, oldest first."""
    found = mp.client.list_invoices(everyone=everyone)
    rows = [(row.consumer, row.total_nanos) for row in found]
    _show_list(mp, found, rows, ("consumer", "total"), "No invoices yet", "mp usage")


@invoices.command("show")
@click.argument("invoice_id")
@command
def show_invoice(mp: Mp, invoice_id: str) -> None:
    """Show an invoice with its lines, which add up to its total."""
    found = mp.client.invoice(invoice_id)
    mp.console.show(found.model_dump(mode="json"), lambda: _show_invoice(mp, found))


@click.group()
def payouts() -> None:
    """What your organisation earned with its services, by month."""


@payouts.command("list")
@_EVERYONE
@command
def list_payouts(mp: Mp, everyone: bool) -> None:
    """List your payouts, oldest first."""
    found = mp.client.list_payouts(everyone=everyone)
    rows = [(row.vendor, row.net_nanos) for row in found]
    _show_list(mp, found, rows, ("vendor", "net"), "No payouts yet", "mp usage --as-vendor")


@payouts.command("show")
@click.argument("payout_id")
@command
def show_payout(mp: Mp, payout_id: str) -> None:
    """Show a payout with its lines: gross, the marketplace's fee and net."""
    found = mp.client.payout(payout_id)
    mp.console.show(found.model_dump(mode="json"), lambda: _show_payout(mp, found))


def _show_list(
    mp: Mp,
    found: "Sequence[InvoiceView | PayoutView]",
    own: "Sequence[tuple[str, int]]",
    names: tuple[str, str],
    empty: str,
    usage: str,
) -> None:
    """Statements of a month as a table; `own` is the organisation and the amount (in nano-units) of each."""
    party, sum_name = names
    rows = [
        (row.id, row.number, row.period, organisation, row.issued_at, _money(nanos, row.currency))
        for row, (organisation, nanos) in zip(found, own, strict=True)
    ]
    mp.console.show(
        {"items": [row.model_dump(mode="json") for row in found]},
        lambda: mp.console.table(
            ["id", "number", "month", party, "issued", sum_name],
            rows,
            f"{empty}: they are issued when a month is closed. See this month with `{usage}`.",
        ),
    )


def _show_invoice(mp: Mp, found: "InvoiceDetail") -> None:
    mp.console.fields([
        ("invoice", f"{found.number} ({found.id})"), ("consumer", found.consumer), ("month", found.period),
        ("issued", f"{found.issued_at:%Y-%m-%d %H:%M} UTC"), ("total", _money(found.total_nanos, found.currency)),
    ])  # fmt: skip
    mp.console.say("")
    rows = [
        (_item(line.item, line.is_adjustment), line.month, line.service or line.service_id, line.plan,
         f"{line.calls:,}", f"{line.tokens_in:,}", f"{line.tokens_out:,}", _money(line.amount_nanos, found.currency))
        for line in found.lines
    ]  # fmt: skip
    headers = ["for", "month", "service", "plan", "calls", "tokens in", "tokens out", "amount"]
    mp.console.table(headers, rows, "No lines.")


def _show_payout(mp: Mp, found: "PayoutDetail") -> None:
    mp.console.fields([
        ("payout", f"{found.number} ({found.id})"), ("vendor", found.vendor), ("month", found.period),
        ("issued", f"{found.issued_at:%Y-%m-%d %H:%M} UTC"), ("gross", _money(found.gross_nanos, found.currency)),
        ("fee", _money(found.fee_nanos, found.currency)), ("net", _money(found.net_nanos, found.currency)),
    ])  # fmt: skip
    mp.console.say("")
    rows = [
        ("adjustment" if line.is_adjustment else "calls", line.month, line.service or line.service_id,
         f"{line.calls:,}", _money(line.gross_nanos, found.currency), _money(line.fee_nanos, found.currency),
         _money(line.net_nanos, found.currency))
        for line in found.lines
    ]  # fmt: skip
    mp.console.table(["for", "month", "service", "calls", "gross", "fee", "net"], rows, "No lines.")


def _item(item: str, is_adjustment: bool) -> str:
    return f"{item}, adjusted" if is_adjustment and item != "adjustment" else item


def _money(nanos: int, currency: str) -> str:
    return amount(nanos, currency)  # type: ignore[arg-type]
