"""What clients counted is what is metered, in the ledger, invoiced and paid out, to the nano."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mercato_contracts.billing import CloseAnswer, InvoiceDetail, PayoutDetail, ReconciliationView, TrialBalanceView
from tests.e2e.calls import Call, Load, embeddings, greeting
from tests.e2e.conftest import PER_CALL, PER_TOKEN, Consumer, Join, new_vendor
from tests.e2e.marketplace import Marketplace
from tests.e2e.parties import Member, greeting_offer, model_offer
from tests.e2e.vendor_server import count

TEXT = "seven words that become one short vector"
EMBEDDING_NANOS = count(TEXT) * 2_000_000 // 1000
GREETING_NANOS = 1_000_000


@dataclass(frozen=True)
class Sold:
    """Answered calls of one consumer to one service, counted by the client."""

    consumer: Member
    vendor: Member
    service: str
    calls: int
    nanos: int


def test_clients_usage_ledger_invoices_and_payouts_agree_and_closing_twice_changes_nothing(
    marketplace: Marketplace, join: Join
) -> None:
    words, greets = new_vendor(marketplace), new_vendor(marketplace)
    embedder = words.publish(model_offer("embedder", "embeddings", marketplace.vendor_url, [PER_TOKEN]))
    greeter = greets.publish(greeting_offer("greeter", marketplace.vendor_url, [PER_CALL]))
    first, second = (join((embedder, "per-token"), (greeter, "per-call")) for _ in range(2))
    sold = [
        *buy(marketplace, first, {embedder: words, greeter: greets}, 60),
        *buy(marketplace, second, {embedder: words, greeter: greets}, 90),
    ]
    for consumer in (first, second):
        consumer.member.all_metered(sum(each.calls for each in sold if each.consumer is consumer.member))
    assert_usage_is_what_clients_counted(marketplace.operator, sold)

    period = datetime.now(UTC).strftime("%Y-%m")
    closed = CloseAnswer.model_validate(marketplace.operator.post("/api/billing/close", {"period": period}))
    assert len({invoice.consumer_id for invoice in closed.invoices}) == len(closed.invoices)
    assert_bills_are_what_clients_counted(sold)
    assert_the_whole_marketplace_adds_up(marketplace.operator, period)

    before = documents(marketplace.operator)
    again = CloseAnswer.model_validate(marketplace.operator.post("/api/billing/close", {"period": period}))
    assert documents(marketplace.operator) == before
    assert {invoice.id for invoice in again.invoices} <= {invoice["id"] for invoice in before[0]}


def buy(marketplace: Marketplace, consumer: Consumer, services: dict[str, Member], calls: int) -> list[Sold]:
    """Both services in turn, at least `calls` times."""
    embedder, greeter = services
    with Load(marketplace.gateway.url, consumer.key, [embeddings(embedder, TEXT), greeting(greeter)]) as load:
        load.until_answered(calls)
    assert set(load.kinds()) == {"200"}
    mine = [each for each in load.calls if is_embedding(each)]
    member = consumer.member
    return [
        Sold(member, services[embedder], embedder, len(mine), len(mine) * EMBEDDING_NANOS),
        Sold(
            member,
            services[greeter],
            greeter,
            len(load.calls) - len(mine),
            (len(load.calls) - len(mine)) * GREETING_NANOS,
        ),
    ]


def is_embedding(seen: Call) -> bool:
    return "data" in seen.body


def assert_usage_is_what_clients_counted(operator: Member, sold: list[Sold]) -> None:
    """Each consumer's own view, each vendor's, and the operator's by consumer, vendor and service."""
    for member in {each.consumer.slug: each.consumer for each in sold}.values():
        mine = [each for each in sold if each.consumer is member]
        assert sums(member, "consumer", "service") == by_service(operator, mine)
    for member in {each.vendor.slug: each.vendor for each in sold}.values():
        mine = [each for each in sold if each.vendor is member]
        assert sums(member, "vendor", "service") == by_service(operator, mine)
        assert sums(member, "vendor", "consumer") == add_up((each.consumer.organisation_id, each) for each in mine)
    everything = {
        "service": by_service(operator, sold),
        "consumer": add_up((each.consumer.organisation_id, each) for each in sold),
        "vendor": add_up((each.vendor.organisation_id, each) for each in sold),
    }
    for group, expected in everything.items():
        seen = sums(operator, "marketplace", group)
        assert {name: seen[name] for name in expected} == expected


def by_service(operator: Member, sold: list[Sold]) -> dict[str, tuple[int, int]]:
    return add_up((operator.listing(each.service).id, each) for each in sold)


def add_up(named: Any) -> dict[str, tuple[int, int]]:
    """Calls and nanos by name."""
    found: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for name, each in named:
        calls, nanos = found[name]
        found[name] = (calls + each.calls, nanos + each.nanos)
    return dict(found)


def sums(member: Member, side: str, group: str) -> dict[str, tuple[int, int]]:
    """The same as the control API tells it."""
    rows = member.get("/api/usage", side=side, group_by=group)["items"]
    return {row["group"]: (row["calls"], row["price_nanos"]) for row in rows}


def assert_bills_are_what_clients_counted(sold: list[Sold]) -> None:
    for member in {each.consumer.slug: each.consumer for each in sold}.values():
        (head,) = member.every("/api/invoices")
        invoice = InvoiceDetail.model_validate(member.get(f"/api/invoices/{head['id']}"))
        mine = [each for each in sold if each.consumer is member]
        assert invoice.total_nanos == sum(line.amount_nanos for line in invoice.lines) == sum(e.nanos for e in mine)
        assert sum(line.calls for line in invoice.lines) == sum(each.calls for each in mine)
    for member in {each.vendor.slug: each.vendor for each in sold}.values():
        (head,) = member.every("/api/payouts")
        payout = PayoutDetail.model_validate(member.get(f"/api/payouts/{head['id']}"))
        mine = [each for each in sold if each.vendor is member]
        assert payout.gross_nanos == sum(line.gross_nanos for line in payout.lines) == sum(e.nanos for e in mine)
        assert payout.net_nanos == payout.gross_nanos - payout.fee_nanos
        assert payout.fee_nanos == payout.gross_nanos // 10, "the marketplace keeps a tenth"


def assert_the_whole_marketplace_adds_up(operator: Member, period: str) -> None:
    """Events, ledger, invoices and payouts of everybody; the ledger's sum is zero."""
    invoices, payouts, _ = documents(operator)
    balance = TrialBalanceView.model_validate(operator.get("/api/ledger/trial-balance"))
    assert set(balance.sums.values()) == {0}
    held = ReconciliationView.model_validate(operator.get("/api/ledger/reconciliation", period=period))
    assert held.differences == []
    assert sum(invoice["total_nanos"] for invoice in invoices) == sum(held.price_nanos.values())
    assert sum(payout["gross_nanos"] for payout in payouts) == sum(held.price_nanos.values())
    assert list(operator.every("/api/usage/disputes")) == []


def documents(operator: Member) -> tuple[list[Any], list[Any], Any]:
    """Every invoice, every payout, and the ledger's accounts."""
    invoices = list(operator.every("/api/invoices", everyone="true"))
    payouts = list(operator.every("/api/payouts", everyone="true"))
    return invoices, payouts, operator.get("/api/ledger/trial-balance")
