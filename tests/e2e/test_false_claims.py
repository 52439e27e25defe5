"""A service that claims what it likes, and gateways that are killed meanwhile: nobody is charged above a cap."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mercato_contracts.billing import ReconciliationView
from tests.e2e.calls import Ask, Load, assert_each_metered_once
from tests.e2e.conftest import Join, Shop
from tests.e2e.marketplace import Marketplace
from tests.e2e.parties import Member
from tests.e2e.processes import until

CAP = 550_000  # nano-units: 2,000 a token of input, 6,000 a token of output
CLAIMS = ["3 12", "5 5000", "5 999999000", "1 20", "900 8", "1000000000000 1", "0 0", "40 24"]


def claiming(service: str, claim: str) -> Ask:
    messages = [{"role": "user", "content": f"claim {claim}"}]
    return Ask("/v1/chat/completions", {"model": service, "messages": messages, "max_tokens": 8})


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_lying_service_is_never_paid_above_a_cap_whichever_gateway_is_killed(
    marketplace: Marketplace, shop: Shop, join: Join
) -> None:
    consumer = join((shop.chat, "per-token"))
    member = consumer.member
    member.set_budget("nanos", "month", CAP * 20)
    member.set_budget("nanos", "day", CAP * 12, key_id=consumer.first.id)
    member.set_budget("tokens", "day", 2_000)
    asks = [claiming(shop.chat, claim) for claim in CLAIMS]
    with Load(marketplace.gateway.url, consumer.key, asks, clients=64) as load:
        for _ in range(3):
            until(lambda seen=len(load.calls): len(load.calls) > seen + 40, 120)  # type: ignore[misc]
            marketplace.gateway.kill()
            marketplace.gateway.start()
            assert_within_caps(member)
        until(lambda seen=len(load.calls): len(load.calls) > seen + 100, 120)  # type: ignore[misc]
    print(load.kinds())
    assert_each_metered_once(member, load.calls)
    until(lambda: all(row["held"] == 0 for row in budgets_of(member)), 60, what="all leases came back")
    assert_within_caps(member)
    events = member.usage_events()
    spent = sum(event.price_nanos for event in events)
    assert spent == member.get("/api/usage")["totals"][0]["price_nanos"]
    used = {row["scope"].split(":")[0] + row["unit"]: row["used"] for row in budgets_of(member)}
    assert used == {
        "consumernanos": spent,
        "keynanos": spent,
        "consumertokens": sum(event.tokens_in + event.tokens_out for event in events),
    }
    assert any(event.unpaid_nanos for event in events)
    assert {event.doubt for event in events} >= {"output_beyond_bound"}
    today = datetime.now(UTC).date()
    period = f"{today:%Y-%m}"
    found = ReconciliationView.model_validate(marketplace.operator.get("/api/ledger/reconciliation", period=period))
    assert found.differences == []
    assert found.disagreements == []


def budgets_of(member: Member) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = member.get("/api/budgets")["items"]
    return rows


def assert_within_caps(member: Member) -> None:
    """Of every scope."""
    rows = budgets_of(member)
    assert all(row["used"] + row["held"] <= row["cap"] for row in rows), rows
