"""`mp statement`, `mp balance` and `mp unbilled`: the organisation's money, down to each posting."""

from typing import TYPE_CHECKING, Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.commands.exports import export, exported
from mercato_cli.prices import amount

if TYPE_CHECKING:
    from mercato_contracts.statements import BalanceAnswer, StatementAnswer, UnbilledAnswer

_DAY = click.DateTime(["%Y-%m-%d"])
_AS_VENDOR = click.option("--as-vendor", is_flag=True, help="What your services earned, instead of what you owe.")


@click.command()
@_AS_VENDOR
@click.option("--everyone", is_flag=True, help="Every account of the ledger (operators).")
@click.option("--since", type=_DAY, metavar="DAY", help="First day, UTC; this month's first.")
@click.option("--until", type=_DAY, metavar="DAY", help="The day after the last, UTC.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The maximum number of results."
)
@exported
@command
def statement(
    mp: Mp, as_vendor: bool, everyone: bool, since: object, until: object, limit: int, export_as: str | None
) -> None:
    """Every posting of your accounts, the newest first, with the invoice or payout that it stands on."""
    asked: dict[str, Any] = {
        "side": "marketplace" if everyone else _side(as_vendor), "since": _day(since), "until": _day(until),
    }  # fmt: skip
    if export_as is not None:
        export(mp, "/api/statement/export", asked, export_as)
        return
    found = mp.client.statement(asked, limit)
    mp.console.show(found.model_dump(mode="json"), lambda: _show(mp, found))


@click.command()
@_AS_VENDOR
@command
def balance(mp: Mp, as_vendor: bool) -> None:
    """What your organisation stands at, and what of it is on no invoice or payout yet."""
    found = mp.client.balance(_side(as_vendor))
    mp.console.show(found.model_dump(mode="json"), lambda: _show_balance(mp, found))


@click.command()
@_AS_VENDOR
@command
def unbilled(mp: Mp, as_vendor: bool) -> None:
    """What the next invoice, or payout, would hold if it were made now."""
    found = mp.client.unbilled(_side(as_vendor))
    mp.console.show(found.model_dump(mode="json"), lambda: _show_unbilled(mp, found))


def _show(mp: Mp, found: "StatementAnswer") -> None:
    for currency in sorted(found.opening_nanos.keys() | found.closing_nanos.keys()):
        opening, closing = found.opening_nanos.get(currency, 0), found.closing_nanos.get(currency, 0)
        mp.console.say(
            f"{found.since} {_money(opening, currency)}, before {found.until} {_money(closing, currency)}"
            " (positive is what you owe)"
        )
    rows = [
        (one.number, one.day, one.item, one.service or one.service_id, one.plan, f"{one.calls:,}",
         _money(one.amount_nanos, one.currency), one.document_id or "not billed yet")
        for one in found.items
    ]  # fmt: skip
    headers = ["number", "day", "for", "service", "plan", "calls", "amount", "document"]
    mp.console.table(headers, rows, "Nothing was posted on these days. Try an earlier --since.")


def _show_balance(mp: Mp, found: "BalanceAnswer") -> None:
    rows = [(one.account_id, _money(one.balance_nanos, one.currency), _money(one.unbilled_nanos, one.currency))
            for one in found.items]  # fmt: skip
    mp.console.table(["account", "stands at", "not billed yet"], rows, "No account yet: it opens with the first call.")


def _show_unbilled(mp: Mp, found: "UnbilledAnswer") -> None:
    rows: list[tuple[str, ...]] = [
        (one.month, one.item, one.service or one.service_id, one.plan, f"{one.calls:,}", f"{one.tokens_in:,}",
         f"{one.tokens_out:,}", _money(one.amount_nanos, one.currency))
        for one in found.items
    ]  # fmt: skip
    rows += [(f"total {currency}", "", "", "", "", "", "", _money(nanos, currency))
             for currency, nanos in sorted(found.totals.items())]  # fmt: skip
    headers = ["month", "for", "service", "plan", "calls", "tokens in", "tokens out", "amount"]
    mp.console.table(headers, rows, "Everything is billed.")


def _side(as_vendor: bool) -> str:
    return "vendor" if as_vendor else "consumer"


def _day(day: object) -> str | None:
    return None if day is None else str(day)[:10]


def _money(nanos: int, currency: str) -> str:
    return amount(nanos, currency)  # type: ignore[arg-type]
