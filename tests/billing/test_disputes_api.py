"""Disputes over the API: what each side reads, what is refused, what the audit log keeps."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from mercato_contracts.audit import AuditEntry
from mercato_contracts.disputes import DisputePage, DisputeView
from tests.admin.conftest import Ledger, ledger
from tests.admin.test_audit_api import sign_in
from tests.console.test_buying_pages import shop
from tests.support.market import Customer, Market

__all__ = ["ledger"]

WORDS = {"kind": "no_usable_answer", "words": "The answer ended after twelve tokens."}
Headers = Mapping[str, str]


@pytest.fixture
async def customer(market: Market) -> Customer:
    await market.operator()
    return await shop(market)


async def _call_of(api: httpx.AsyncClient, who: Headers) -> str:
    answer = await api.get("/api/usage/calls", params={"status_class": "2"}, headers=dict(who))
    return str(answer.json()["items"][0]["id"])


async def _send(api: httpx.AsyncClient, who: Headers, path: str, body: Any = None, status: int = 200) -> Any:
    answer = await api.post(f"/api/{path}", json=body, headers=dict(who))
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_both_sides_and_operators_follow_a_dispute_to_its_end(
    api: httpx.AsyncClient, customer: Customer, ledger: Ledger
) -> None:
    buyer, vendor = await sign_in(api, "buyer@example.org"), await sign_in(api, "vendor@example.org")
    operator = await sign_in(api, "operator@example.org")
    call = await _call_of(api, buyer)
    explained = (await api.get(f"/api/usage/calls/{call}", headers=buyer)).json()
    assert (explained["dispute"], explained["disputable_until"]) == (None, "2027-01-01T09:00:00Z")
    opened = DisputeView.model_validate(await _send(api, buyer, f"usage/calls/{call}/dispute", WORDS, 201))
    assert (opened.state, opened.disputed_nanos, opened.consumer, opened.service) == (
        "open", 1_000_000, "buyer", "vendor/embedder",
    )  # fmt: skip
    refused = await _send(api, buyer, f"usage/calls/{call}/dispute", WORDS, 409)
    assert (refused["code"], refused["facts"]["dispute_id"]) == ("call_already_disputed", opened.id)
    await _send(api, vendor, f"disputes/{opened.id}/answer", {"words": "We look into it."})
    await _send(api, operator, f"disputes/{opened.id}/decision", {"verdict": "upheld", "reason": "it was cut off"})
    for who, side in ((buyer, "consumer"), (vendor, "vendor"), (operator, "marketplace")):
        listed = await api.get("/api/disputes", params={"side": side}, headers=who)
        (one,) = DisputePage.model_validate(listed.json()).items
        assert (one.state, one.returned_nanos, one.answer, one.reason) == (
            "upheld", 1_000_000, "We look into it.", "it was cut off",
        )  # fmt: skip
        assert one == DisputeView.model_validate((await api.get(f"/api/disputes/{opened.id}", headers=who)).json())
        waiting = await api.get("/api/disputes", params={"side": side, "only_open": True}, headers=who)
        assert waiting.json()["items"] == []
    explained = (await api.get(f"/api/usage/calls/{call}", headers=buyer)).json()
    assert (explained["dispute"], explained["disputable_until"]) == ({"id": opened.id, "state": "upheld"}, None)
    assert explained["stands_at_nanos"] == 0
    await ledger.record()
    answer = await api.get("/api/audit/entries", params={"limit": 200}, headers=operator)
    entries = [AuditEntry.model_validate(item) for item in reversed(answer.json()["items"])]
    mine = [each.core for each in entries if each.core.target.id == opened.id]
    assert [each.verb for each in mine] == ["dispute.opened", "dispute.answered", "dispute.closed"]
    assert len({each.actor.id for each in mine}) == 3


async def test_a_key_and_a_stranger_do_not_dispute(api: httpx.AsyncClient, customer: Customer, market: Market) -> None:
    buyer = await sign_in(api, "buyer@example.org")
    call = await _call_of(api, buyer)
    key = {"Authorization": f"Bearer {customer.key.text}"}
    refused = await _send(api, key, f"usage/calls/{call}/dispute", WORDS, 403)
    assert refused["facts"]["permission"] == "calls:dispute"
    await market.people.join("stranger")
    stranger = await sign_in(api, "stranger@example.org")
    assert (await _send(api, stranger, f"usage/calls/{call}/dispute", WORDS, 404))["code"] == "call_not_found"
    opened = await _send(api, buyer, f"usage/calls/{call}/dispute", WORDS, 201)
    assert (await api.get(f"/api/disputes/{opened['id']}", headers=stranger)).status_code == 404
    refused = await _send(api, stranger, f"disputes/{opened['id']}/answer", {"words": "not mine"}, 404)
    assert refused["code"] == "dispute_not_found"


async def test_giving_back_needs_a_proof_of_who_asks_and_words_do_not(
    api: httpx.AsyncClient, customer: Customer, market: Market
) -> None:
    buyer = await sign_in(api, "buyer@example.org")
    vendor, operator = await sign_in(api, "vendor@example.org"), await sign_in(api, "operator@example.org")
    call = await _call_of(api, buyer)
    opened = await _send(api, buyer, f"usage/calls/{call}/dispute", WORDS, 201)
    path = f"disputes/{opened['id']}"
    market.clock.advance(timedelta(minutes=11))
    refused = await _send(api, vendor, f"{path}/answer", {"words": "Here you are.", "give_back": True}, 403)
    assert refused["code"] == "step_up_needed"
    await _send(api, operator, f"{path}/decision", {"verdict": "upheld", "reason": "it was cut off"}, 403)
    assert (await _send(api, vendor, f"{path}/answer", {"words": "Just words."}))["state"] == "open"
    async with market.database.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM adjustments")) == 0


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "because", "words": "It is wrong."},
        {"kind": "other", "words": "no"},
        {"kind": "other", "words": "x" * 2_001},
        {"kind": "other", "words": "  \n  "},
        {"kind": "other"},
        {"kind": "other", "words": "It is wrong.", "nanos": 5},
    ],
    ids=["kind", "short", "long", "blank", "none", "more"],
)
async def test_a_malformed_dispute_opens_nothing(api: httpx.AsyncClient, customer: Customer, body: Any) -> None:
    buyer = await sign_in(api, "buyer@example.org")
    call = await _call_of(api, buyer)
    await _send(api, buyer, f"usage/calls/{call}/dispute", body, 422)
    assert (await api.get("/api/disputes", headers=buyer)).json()["items"] == []
