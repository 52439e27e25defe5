"""Corrections: posted, never edited; never more than was charged, however many come at once."""

import asyncio
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from mercato.billing import Adjusting, Adjustment, Documents, Wanted
from mercato.billing.amounts import Amounts, find_excess
from mercato.billing.refusals import (
    AdjustmentExceedsCharge,
    AdjustmentNothing,
    AdjustmentPeriodMalformed,
    AdjustmentReferenceReused,
    AdjustmentTargetUnknown,
    ChargeNeedsOperator,
)
from mercato.identity import Caller, NotAllowed, Role
from mercato.platform import Refusal
from tests.support.market import Customer, Market

DAY = date(2026, 11, 2)


async def acme(market: Market, **plan: Any) -> tuple[Caller, Customer]:
    vendor = await market.people.join("acme")
    service, made = await market.list_service(vendor, **plan)
    return vendor, await market.customer(service, made)


async def adjust(market: Market, caller: Caller, reference: str = "ticket-1", **wanted: Any) -> Adjustment:
    values = {"direction": "credit", "reason": "cut off", "reference": reference} | wanted
    async with market.database.transaction() as session:
        return await Adjusting(session, market.clock, market.ids, market.outbox).adjust(caller, Wanted(**values))


async def count(market: Market, table: str = "adjustments") -> int:
    async with market.database.transaction() as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


async def test_a_credit_stands_on_the_next_invoice_and_payout_as_its_own_line(market: Market) -> None:
    vendor, customer = await acme(market)
    events = [market.event(customer) for _ in range(10)]
    await market.take(events)
    market.clock.advance(timedelta(days=30))
    await market.close("2026-11")
    async with market.database.transaction() as session:
        before = (await session.execute(text("SELECT * FROM usage_events ORDER BY id"))).all()
    posted = await adjust(market, vendor, event_id=events[0].id, calls=1, tokens_in=7, tokens_out=3)
    assert (posted.nanos, posted.fee_nanos, posted.calls) == (-1_000_000, -100_000, -1)
    await market.take([market.event(customer)])
    closing = await market.close("2026-12")
    async with market.database.transaction() as session:
        shelf = Documents(session)
        invoice = await shelf.invoice(customer.caller, closing.invoices[0].id)
        payout = await shelf.payout(vendor, closing.payouts[0].id)
        assert (await session.execute(text("SELECT * FROM usage_events ORDER BY id LIMIT 10"))).all() == before
    assert [(line.item, line.month, line.is_adjustment, line.calls, line.amount_nanos, line.adjustment_id)
            for line in invoice.lines] == [
        ("adjustment", "2026-11", True, -1, -1_000_000, posted.id),
        ("usage", "2026-12", False, 1, 1_000_000, None),
    ]  # fmt: skip
    assert [(line.month, line.gross_nanos, line.fee_nanos, line.adjustment_id) for line in payout.lines] == [
        ("2026-11", -1_000_000, -100_000, posted.id),
        ("2026-12", 1_000_000, 100_000, None),
    ]
    assert (invoice.invoice.total_nanos, payout.payout.net_nanos) == (0, 0)
    assert (await market.trial_balance()).sums == {"USD": 0}


async def test_units_are_priced_by_what_the_call_would_have_cost_without_them(market: Market) -> None:
    vendor, customer = await acme(
        market, per_call_nanos=5, per_1k_input_nanos=333, per_1k_output_nanos=777,
        included_unit="tokens", included=1_000_000,
    )  # fmt: skip
    event = market.event(customer, tokens_in=1_000, tokens_out=500)
    await market.take([event])
    charged = 5 + 333 + 389
    parts = [await adjust(market, vendor, f"r{n}", event_id=event.id, tokens_in=n) for n in (1, 2, 997)]
    assert sum(part.nanos for part in parts) == -333
    rest = await adjust(market, vendor, "rest", event_id=event.id, calls=1, tokens_out=500)
    assert rest.nanos == 333 - charged
    with pytest.raises(AdjustmentExceedsCharge):
        await adjust(market, vendor, "more", event_id=event.id, nanos=1)


async def test_many_credits_at_once_never_pass_what_was_charged(market: Market) -> None:
    vendor, customer = await acme(market, per_call_nanos=100)
    events = [market.event(customer) for _ in range(10)]
    await market.take(events)

    async def one(number: int) -> int:
        period = {
            "subscription_id": customer.subscription.id,
            "since": DAY,
            "until": DAY + timedelta(days=1 + number % 3),
        }
        wanted = period if number % 2 else {"event_id": events[number % 10].id}
        try:
            return (await adjust(market, vendor, f"r{number}", nanos=70, **wanted)).nanos
        except AdjustmentExceedsCharge:
            return 0

    given = sum(await asyncio.gather(*(one(number) for number in range(40))))
    assert -1000 <= given <= -940
    assert {account.kind: account.balance_nanos for account in (await market.trial_balance()).accounts}[
        "consumer"
    ] == 1000 + given


async def test_one_reference_at_once_posts_once_and_another_content_is_refused(market: Market) -> None:
    vendor, customer = await acme(market)
    event = market.event(customer)
    await market.take([event])
    answers = await asyncio.gather(*(adjust(market, vendor, event_id=event.id, nanos=9) for _ in range(8)))
    assert len({answer.id for answer in answers}) == 1
    assert await count(market) == 1
    for changed in ({"nanos": 8}, {"nanos": 9, "reason": "another"}):
        with pytest.raises(AdjustmentReferenceReused):
            await adjust(market, vendor, event_id=event.id, **changed)
    # A reference is an organisation's own.
    operator = await market.operator()
    assert (await adjust(market, operator, event_id=event.id, nanos=9)).id != answers[0].id


async def test_a_period_is_credited_up_to_what_it_cost_less_the_credits_of_its_events(market: Market) -> None:
    vendor, customer = await acme(market, per_call_nanos=1_000)
    days = [[market.event(customer, at=market.clock.now() - timedelta(days=n)) for _ in range(3)] for n in (0, 1)]
    await market.take([event for day in days for event in day])
    of = {"subscription_id": customer.subscription.id}
    await adjust(market, vendor, "event", event_id=days[0][0].id, nanos=1_000)
    with pytest.raises(AdjustmentExceedsCharge) as refusal:
        await adjust(market, vendor, "day", nanos=2_001, since=DAY, until=DAY + timedelta(days=1), **of)
    assert refusal.value.facts["left"]["nanos"] == 2_000
    whole = await adjust(
        market, vendor, "both", nanos=5_000, since=DAY - timedelta(days=1), until=DAY + timedelta(days=5), **of
    )
    assert whole.fee_nanos == -500
    for wanted in ({"event_id": days[1][0].id}, {"since": DAY, "until": DAY + timedelta(days=1), **of}):
        with pytest.raises(AdjustmentExceedsCharge):
            await adjust(market, vendor, "more", nanos=1, **wanted)


async def test_an_operator_charges_more_for_an_event_and_that_can_be_credited_again(market: Market) -> None:
    vendor, customer = await acme(market, per_call_nanos=0, per_1k_input_nanos=1_000)
    event = market.event(customer, tokens_in=10)
    await market.take([event])
    operator = await market.operator()
    more = await adjust(market, operator, "up", direction="charge", event_id=event.id, tokens_in=5)
    assert (more.nanos, more.tokens_in) == (5, 5)
    assert (await adjust(market, vendor, "down", event_id=event.id, tokens_in=15)).nanos == -15
    with pytest.raises(ChargeNeedsOperator):
        await adjust(market, vendor, "vendor", direction="charge", event_id=event.id, nanos=1)


async def test_who_may_not_is_refused_and_learns_nothing(market: Market) -> None:
    vendor, customer = await acme(market)
    event = market.event(customer)
    dead = market.event(customer, subscription_id="sub_unknown")
    await market.take([event, dead])
    stranger, viewer = await market.people.join("initech"), await market.people.join("globex", Role.VIEWER)
    period = {"subscription_id": customer.subscription.id, "since": DAY, "until": DAY + timedelta(days=1)}
    cases: list[tuple[Caller, type[Refusal], dict[str, Any]]] = [
        (viewer, NotAllowed, {"event_id": event.id}),
        (stranger, AdjustmentTargetUnknown, {"event_id": event.id}),
        (stranger, AdjustmentTargetUnknown, period),
        (customer.caller, AdjustmentTargetUnknown, {"event_id": event.id}),
        (vendor, AdjustmentTargetUnknown, {"event_id": dead.id}),
        (vendor, AdjustmentTargetUnknown, {"event_id": "use_1; DROP"}),
        (vendor, AdjustmentPeriodMalformed, period | {"until": DAY}),
        (vendor, AdjustmentPeriodMalformed, period | {"until": date(2026, 12, 2)}),
        (vendor, AdjustmentNothing, {"event_id": event.id, "nanos": 0}),
        (vendor, AdjustmentExceedsCharge, {"event_id": event.id, "tokens_in": 8}),
        (vendor, AdjustmentExceedsCharge, {"event_id": event.id, "nanos": 10**18}),
    ]
    for caller, kind, wanted in cases:
        with pytest.raises(kind):
            await adjust(market, caller, **({"nanos": 5} | wanted))
    assert await count(market) == 0


async def test_an_adjustment_stands_beside_its_event_in_the_usage_api(api: httpx.AsyncClient, market: Market) -> None:
    vendor, customer = await acme(market)
    event = market.event(customer)
    await market.take([event])

    async def sign_in(caller: Caller) -> dict[str, str]:
        body = {"email": f"{caller.organisation_slug}@example.org", "password": "correct horse battery"}
        return {"Authorization": f"Bearer {(await api.post('/api/sessions', json=body)).json()['access_token']}"}

    headers = await sign_in(vendor)
    body = {"reference": "t1", "reason": "a wrong answer", "event_id": event.id, "requests": 1}
    posted = await api.post("/api/adjustments", json=body, headers=headers)
    again = await api.post("/api/adjustments", json=body, headers=headers)
    assert (posted.status_code, posted.json()) == (201, again.json())
    mine = await sign_in(customer.caller)
    (shown,) = (await api.get("/api/usage/events", headers=mine)).json()["items"]
    assert shown["price_nanos"] == 1_000_000
    assert [(one["id"], one["nanos"], one["requests"]) for one in shown["adjustments"]] == [
        (posted.json()["id"], -1_000_000, -1)
    ]
    for side, headers_of, seen in (("consumer", mine, 1), ("vendor", headers, 1), ("consumer", headers, 0)):
        page = (await api.get("/api/adjustments", params={"side": side}, headers=headers_of)).json()
        assert len(page["items"]) == seen
    assert (await api.get("/api/adjustments", params={"side": "marketplace"}, headers=mine)).status_code == 403
    for wrong in ({"since": "2026-11-01"}, {"event_id": None}, {"nanos": -1}, {"nanos": 1.5}, {"extra": 1}):
        assert (await api.post("/api/adjustments", json=body | wrong, headers=headers)).status_code == 422


@pytest.mark.parametrize("statement", ["UPDATE adjustments SET nanos = 0", "DELETE FROM adjustments"])
async def test_an_adjustment_stays_as_it_was_posted(market: Market, statement: str) -> None:
    vendor, customer = await acme(market)
    event = market.event(customer)
    await market.take([event])
    await adjust(market, vendor, event_id=event.id, nanos=5)
    with pytest.raises(Exception, match="written once"):
        async with market.database.transaction() as session:
            await session.execute(text(statement))


SPANS = st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(1, 3)).map(
    lambda t: (t[0], min(t[0] + t[1], 4), t[2])
)


@given(st.lists(st.integers(0, 4), min_size=4, max_size=4), st.lists(SPANS, max_size=6))
def test_what_is_accepted_can_be_laid_on_the_days_it_is_about(
    charged: list[int], wanted: list[tuple[int, int, int]]
) -> None:
    by_day = {DAY + timedelta(days=n): Amounts(nanos=nanos) for n, nanos in enumerate(charged)}
    accepted: list[tuple[int, int, int]] = []
    for since, until, nanos in wanted:
        credits_ = [(DAY + timedelta(days=a), DAY + timedelta(days=b), Amounts(nanos=-n)) for a, b, n in accepted]
        new = (DAY + timedelta(days=since), DAY + timedelta(days=until), Amounts(nanos=-nanos))
        fits = _lay(list(charged), [*accepted, (since, until, nanos)])
        assert (find_excess(by_day, credits_, new) is None) == fits
        if fits:
            accepted.append((since, until, nanos))


def _lay(room: list[int], credits_: list[tuple[int, int, int]]) -> bool:
    """Earliest deadline first, a unit at a time: the known optimal way to fit intervals into unit slots."""
    units = sorted((until, since) for since, until, nanos in credits_ for _ in range(nanos))
    slots = [day for day, size in enumerate(room) for _ in range(size)]
    for day in slots:
        chosen = next((unit for unit in units if unit[1] <= day < unit[0]), None)
        if chosen is not None:
            units.remove(chosen)
    return not units
