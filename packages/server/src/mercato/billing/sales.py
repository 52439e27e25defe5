"""Turns sales into balanced postings: who owes, who is owed, and the marketplace's share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from mercato.metering import Appraised

Item = Literal["usage", "monthly", "adjustment"]


@dataclass(frozen=True, slots=True)
class Sold:
    """The key by which sales are summed."""

    item: Item
    consumer_id: str
    vendor_id: str
    service_id: str
    subscription_id: str
    plan_id: str
    currency: str
    day: date


@dataclass(slots=True)
class Sale:
    """Sales of one kind on one day, added up. `fee_nanos` is the marketplace's share of `gross_nanos`."""

    sold: Sold
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    included: int = 0
    gross_nanos: int = 0
    fee_nanos: int = 0


def fee_of(gross_nanos: int, take_rate_bp: int) -> int:
    """The marketplace's share, rounded down to a whole nano-unit; the remainder is the vendor's."""
    return gross_nanos * take_rate_bp // 10_000


def add_up(calls: Iterable[Appraised], take_rate_bp: int) -> list[Sale]:
    """The sales of these calls. Shares are rounded call by call, so sums do not depend on how calls are batched."""
    sales: dict[Sold, Sale] = {}
    for call in calls:
        event = call.event
        sold = Sold(
            "usage",
            event.consumer_id,
            event.vendor_id,
            event.service_id,
            event.subscription_id,
            event.plan_id,
            event.currency,
            call.at.date(),
        )
        sale = sales.setdefault(sold, Sale(sold))
        sale.calls += 1
        sale.tokens_in += event.tokens_in
        sale.tokens_out += event.tokens_out
        sale.included += event.included
        sale.gross_nanos += event.price_nanos
        sale.fee_nanos += fee_of(event.price_nanos, take_rate_bp)
    return list(sales.values())


def accounts_of(sales: Sequence[Sale]) -> list[dict[str, Any]]:
    """The accounts that these sales post to, each once, in the order of their ids."""
    accounts: dict[str, dict[str, Any]] = {}
    for sale in sales:
        for kind, organisation in _parties(sale.sold):
            account = account_id(kind, organisation, sale.sold.currency)
            accounts[account] = {
                "id": account,
                "kind": kind,
                "organisation_id": organisation,
                "currency": sale.sold.currency,
            }
    return [accounts[account] for account in sorted(accounts)]


def postings_of(journal_id: str, sale: Sale) -> list[dict[str, Any]]:
    """Four lines that sum to zero: the consumer owes the gross, the vendor earns it and gives the share."""
    sold = sale.sold
    consumer = account_id("consumer", sold.consumer_id, sold.currency)
    vendor = account_id("vendor", sold.vendor_id, sold.currency)
    revenue = account_id("revenue", None, sold.currency)
    quantities = {
        "calls": sale.calls,
        "tokens_in": sale.tokens_in,
        "tokens_out": sale.tokens_out,
        "included": sale.included,
    }
    nothing = dict.fromkeys(quantities, 0)
    shared = {
        "journal_id": journal_id,
        "service_id": sold.service_id,
        "subscription_id": sold.subscription_id,
        "plan_id": sold.plan_id,
        "day": sold.day,
    }
    lines: list[tuple[str, str, int, dict[str, int]]] = [
        (consumer, sold.item, sale.gross_nanos, quantities),
        (vendor, sold.item, -sale.gross_nanos, quantities),
        (vendor, "fee", sale.fee_nanos, nothing),
        (revenue, "fee", -sale.fee_nanos, nothing),
    ]
    return [
        shared | amounts | {"account_id": account, "item": item, "amount_nanos": nanos}
        for account, item, nanos, amounts in lines
    ]


def account_id(kind: str, organisation_id: str | None, currency: str) -> str:
    """`consumer:org_…:USD`, `vendor:org_…:USD` or `revenue:USD`."""
    return f"{kind}:{organisation_id}:{currency}" if organisation_id else f"{kind}:{currency}"


def _parties(sold: Sold) -> list[tuple[str, str | None]]:
    return [("consumer", sold.consumer_id), ("vendor", sold.vendor_id), ("revenue", None)]
