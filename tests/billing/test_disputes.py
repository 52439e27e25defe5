"""Disputes of calls: opened by the consumer, answered by the vendor, decided once, given back once."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from mercato.billing import Adjusting, CallDispute, Disputes, Documents, Reconciling, Wanted
from mercato.billing.refusals import (
    CallAlreadyDisputed,
    CallNotDisputable,
    DisputeNotFound,
    DisputeOver,
    DisputeOwnPart,
    DisputeTooLate,
)
from mercato.identity import Caller, NotAllowed, Role
from mercato.identity.permissions import permissions_of
from mercato.metering import CallNotFound, SeriesWanted, Summing
from mercato.platform import Refusal
from mercato_contracts.dataplane import UsageEvent
from tests.support.market import Customer, Market

WORDS = "The answer ended after twelve tokens."
PRICE = 1_000_000
FEE = 100_000


async def sold(market: Market, **event: Any) -> tuple[Caller, Customer, UsageEvent]:
    """A vendor, its customer and a call of theirs."""
    vendor = await market.people.join("acme")
    service, plan = await market.list_service(vendor)
    customer = await market.customer(service, plan)
    call = market.event(customer, **event)
    await market.take([call])
    return vendor, customer, call


def as_role(caller: Caller, role: Role) -> Caller:
    """Somebody else of the same organisation."""
    permissions = permissions_of(role, in_operator=caller.is_operator)
    return replace(caller, actor=f"usr_{role}", role=role, permissions=permissions)


async def in_desk(market: Market, act: str, *given: Any, **named: Any) -> Any:
    """One act in a transaction of its own."""
    async with market.database.transaction() as session:
        return await getattr(Disputes(session, market.clock, market.ids, market.outbox), act)(*given, **named)


async def open_one(market: Market, customer: Customer, call: UsageEvent) -> CallDispute:
    found: CallDispute = await in_desk(market, "open", customer.caller, call.id, "no_usable_answer", WORDS)
    return found


async def adjustments(market: Market) -> list[tuple[int, int]]:
    async with market.database.transaction() as session:
        rows = await session.execute(text("SELECT nanos, fee_nanos FROM adjustments ORDER BY id"))
        return [(int(row[0]), int(row[1])) for row in rows]


async def balances(market: Market) -> dict[str, int]:
    balance = await market.trial_balance()
    assert set(balance.sums.values()) <= {0}
    return {account.kind: account.balance_nanos for account in balance.accounts}


async def topics(market: Market) -> list[str]:
    async with market.database.transaction() as session:
        rows = await session.scalars(
            text("SELECT topic FROM outbox_events WHERE topic LIKE 'dispute.%' ORDER BY number")
        )
        return list(rows)


async def assert_all_agree(market: Market) -> None:
    """Ledger, events, sums and documents have the same figures, and so has the next comparison of days."""
    async with market.database.transaction() as session:
        found = await Reconciling(session).reconcile(date(2026, 11, 1), date(2026, 12, 1))
    assert found.agrees, found


async def test_an_upheld_dispute_gives_charge_and_fee_back_as_one_adjustment(market: Market) -> None:
    _, customer, call = await sold(market)
    before = await balances(market)
    dispute = await open_one(market, customer, call)
    assert (dispute.state, dispute.disputed_nanos, dispute.currency) == ("open", PRICE, "USD")
    closed = await in_desk(market, "decide", await market.operator(), dispute.id, "upheld", "cut off by the service")
    assert (closed.state, closed.returned_nanos) == ("upheld", PRICE)
    assert await adjustments(market) == [(-PRICE, -FEE)]
    after = await balances(market)
    assert before == {"consumer": PRICE, "vendor": FEE - PRICE, "revenue": -FEE}
    assert set(after.values()) == {0}
    assert await topics(market) == ["dispute.opened", "dispute.closed"]
    await assert_all_agree(market)
    async with market.database.transaction() as session:
        begin = datetime(2026, 11, 1, tzinfo=UTC)
        wanted = SeriesWanted("consumer", begin, begin + timedelta(days=30), step="day", metrics=("charged_nanos",))
        (line,) = (await Summing(session, market.clock).series(customer.caller, wanted)).totals
    assert line.total["charged_nanos"] == 0, "the sums take the same figure as the ledger"


async def test_many_deciders_at_once_post_one_adjustment(market: Market) -> None:
    _, customer, call = await sold(market)
    dispute = await open_one(market, customer, call)
    operator = await market.operator()

    async def decide(number: int) -> str:
        verdict = "upheld" if number % 3 else "rejected"
        try:
            return str((await in_desk(market, "decide", operator, dispute.id, verdict, f"number {number}")).state)
        except DisputeOver as refusal:
            return f"over: {refusal.facts['state']}"

    answers = await asyncio.gather(*(decide(number) for number in range(12)))
    ended = [answer for answer in answers if not answer.startswith("over")]
    assert len(ended) == 1, answers
    assert {answer for answer in answers if answer.startswith("over")} == {f"over: {ended[0]}"}
    assert len(await adjustments(market)) == (ended[0] == "upheld")
    await assert_all_agree(market)


async def test_vendor_and_operator_at_once_give_back_once(market: Market) -> None:
    vendor, customer, call = await sold(market)
    dispute = await open_one(market, customer, call)
    operator = await market.operator()

    async def credit(number: int) -> None:
        async with market.database.transaction() as session:
            desk = Adjusting(session, market.clock, market.ids, market.outbox)
            await desk.adjust(vendor, Wanted(f"t{number}", "credit", "goodwill", event_id=call.id, nanos=300_000))

    async def quietly(act: Any) -> None:
        with suppress(Refusal):
            await act

    await asyncio.gather(
        *(quietly(in_desk(market, "answer", vendor, dispute.id, "sorry", give_back=True)) for _ in range(4)),
        *(quietly(in_desk(market, "decide", operator, dispute.id, "upheld", "sorry")) for _ in range(4)),
        *(quietly(credit(number)) for number in range(4)),
    )
    posted = await adjustments(market)
    assert sum(nanos for nanos, _ in posted) == -PRICE, posted
    assert sum(fee for _, fee in posted) == -FEE, posted
    closed = await in_desk(market, "get", customer.caller, dispute.id)
    assert closed.state in ("agreed", "upheld")
    assert set((await balances(market)).values()) == {0}
    await assert_all_agree(market)


async def test_what_was_credited_before_is_not_given_back_again(market: Market) -> None:
    vendor, customer, call = await sold(market)
    dispute = await open_one(market, customer, call)
    async with market.database.transaction() as session:
        day = date(2026, 11, 2)
        wanted = Wanted(
            "whole day", "credit", "an outage", calls=1, tokens_in=7, tokens_out=3, nanos=PRICE,
            subscription_id=customer.subscription.id, since=day, until=day + timedelta(days=1),
        )  # fmt: skip
        await Adjusting(session, market.clock, market.ids, market.outbox).adjust(vendor, wanted)
    closed = await in_desk(market, "decide", await market.operator(), dispute.id, "upheld", "they were right")
    assert (closed.state, closed.returned_nanos, closed.adjustment_id) == ("upheld", 0, None)
    assert await adjustments(market) == [(-PRICE, -FEE)]
    await assert_all_agree(market)


async def test_a_part_that_is_left_is_given_back(market: Market) -> None:
    vendor, customer, call = await sold(market)
    async with market.database.transaction() as session:
        desk = Adjusting(session, market.clock, market.ids, market.outbox)
        await desk.adjust(vendor, Wanted("part", "credit", "goodwill", event_id=call.id, nanos=400_001))
    dispute = await open_one(market, customer, call)
    assert dispute.disputed_nanos == PRICE - 400_001
    await in_desk(market, "answer", vendor, dispute.id, "we give the rest back too", give_back=True)
    assert sum(nanos for nanos, _ in await adjustments(market)) == -PRICE
    assert sum(fee for _, fee in await adjustments(market)) == -FEE
    other = market.event(customer)
    await market.take([other])
    async with market.database.transaction() as session:
        desk = Adjusting(session, market.clock, market.ids, market.outbox)
        await desk.adjust(vendor, Wanted("all", "credit", "goodwill", event_id=other.id, nanos=PRICE))
    with pytest.raises(CallNotDisputable):
        await open_one(market, customer, other)


async def test_after_the_month_is_closed_it_is_a_credit_on_the_next_invoice(market: Market) -> None:
    vendor, customer, call = await sold(market)
    market.clock.advance(timedelta(days=30))
    first = await market.close("2026-11")
    dispute = await open_one(market, customer, call)
    closed = await in_desk(market, "decide", await market.operator(), dispute.id, "upheld", "cut off by the service")
    await market.take([market.event(customer)])
    closing = await market.close("2026-12")
    async with market.database.transaction() as session:
        shelf = Documents(session)
        old = await shelf.invoice(customer.caller, first.invoices[0].id)
        invoice = await shelf.invoice(customer.caller, closing.invoices[0].id)
        payout = await shelf.payout(vendor, closing.payouts[0].id)
    assert old.invoice.total_nanos == PRICE
    assert [(line.item, line.amount_nanos, line.adjustment_id) for line in invoice.lines] == [
        ("adjustment", -PRICE, closed.adjustment_id),
        ("usage", PRICE, None),
    ]
    assert (invoice.invoice.total_nanos, payout.payout.net_nanos) == (0, 0)
    await assert_all_agree(market)


async def test_a_rejected_dispute_leaves_the_charge_and_is_final(market: Market) -> None:
    vendor, customer, call = await sold(market)
    dispute = await open_one(market, customer, call)
    answered = await in_desk(market, "answer", vendor, dispute.id, "The answer was whole.", give_back=False)
    assert (answered.state, answered.answer) == ("open", "The answer was whole.")
    closed = await in_desk(market, "decide", await market.operator(), dispute.id, "rejected", "the log shows it whole")
    assert (closed.state, closed.reason, closed.returned_nanos) == ("rejected", "the log shows it whole", 0)
    assert await adjustments(market) == []
    assert await topics(market) == ["dispute.opened", "dispute.answered", "dispute.closed"]
    with pytest.raises(CallAlreadyDisputed):
        await open_one(market, customer, call)
    for act in (
        in_desk(market, "answer", vendor, dispute.id, "more words", give_back=True),
        in_desk(market, "withdraw", customer.caller, dispute.id),
        in_desk(market, "decide", await market.operator(), dispute.id, "upheld", "after all"),
    ):
        with pytest.raises(DisputeOver):
            await act
    assert await adjustments(market) == []


async def test_a_call_has_one_dispute_however_many_open_it_at_once_and_another_after_it_is_withdrawn(
    market: Market,
) -> None:
    _, customer, call = await sold(market)
    opened = await asyncio.gather(*(open_one(market, customer, call) for _ in range(8)), return_exceptions=True)
    kept = [one for one in opened if isinstance(one, CallDispute)]
    assert len(kept) == 1
    assert sum(isinstance(one, CallAlreadyDisputed) for one in opened) == 7
    withdrawn = await in_desk(market, "withdraw", customer.caller, kept[0].id)
    assert (withdrawn.state, withdrawn.returned_nanos) == ("withdrawn", 0)
    assert (await open_one(market, customer, call)).id != kept[0].id
    assert await adjustments(market) == []


async def test_only_what_still_costs_and_is_at_most_sixty_days_old_can_be_disputed(market: Market) -> None:
    _, customer, call = await sold(market)
    failed = market.event(customer, status=500)
    await market.take([failed])
    with pytest.raises(CallNotDisputable):
        await open_one(market, customer, failed)
    market.clock.advance(timedelta(days=60))
    dispute = await open_one(market, customer, call)
    await in_desk(market, "withdraw", customer.caller, dispute.id)
    market.clock.advance(timedelta(seconds=1))
    with pytest.raises(DisputeTooLate):
        await open_one(market, customer, call)


async def test_nobody_else_sees_or_moves_a_dispute(market: Market) -> None:
    vendor, customer, call = await sold(market)
    stranger = await market.people.join("stranger")
    for other in (vendor, stranger, await market.operator()):
        with pytest.raises(CallNotFound):
            await in_desk(market, "open", other, call.id, "other", WORDS)
    dispute = await open_one(market, customer, call)
    for attempt in (
        in_desk(market, "get", stranger, dispute.id),
        in_desk(market, "answer", stranger, dispute.id, "not mine", give_back=True),
        in_desk(market, "answer", customer.caller, dispute.id, "I give it to myself", give_back=True),
        in_desk(market, "withdraw", vendor, dispute.id),
        in_desk(market, "withdraw", await market.operator(), dispute.id),
    ):
        with pytest.raises(DisputeNotFound):
            await attempt
    for party in (vendor, customer.caller, stranger):
        with pytest.raises(NotAllowed):
            await in_desk(market, "decide", party, dispute.id, "upheld", "by myself")
    everything = {"only_open": True, "before": None, "limit": 10}
    sides = ((vendor, "vendor", 1), (customer.caller, "consumer", 1), (vendor, "consumer", 0), (stranger, "vendor", 0))
    for caller, side, count in sides:
        assert len(await in_desk(market, "list_all", caller, side=side, **everything)) == count
    assert len(await in_desk(market, "list_all", await market.operator(), side="marketplace", **everything)) == 1
    assert await adjustments(market) == []


@pytest.mark.parametrize("role", [Role.APPROVER, Role.VIEWER, Role.SERVICE_ACCOUNT])
async def test_only_administrators_open_answer_and_decide(market: Market, role: Role) -> None:
    vendor, customer, call = await sold(market)
    dispute = await open_one(market, customer, call)
    operator = await market.operator()
    for act in (
        in_desk(market, "open", as_role(customer.caller, role), call.id, "other", WORDS),
        in_desk(market, "withdraw", as_role(customer.caller, role), dispute.id),
        in_desk(market, "answer", as_role(vendor, role), dispute.id, "sorry", give_back=True),
        in_desk(market, "decide", as_role(operator, role), dispute.id, "upheld", "sorry"),
    ):
        with pytest.raises(NotAllowed):
            await act
    seen = await in_desk(market, "get", as_role(customer.caller, role), dispute.id)
    assert seen.state == "open"


async def test_nobody_decides_what_they_opened_or_answered(market: Market) -> None:
    operator = await market.operator()
    service, plan = await market.list_service(operator)
    customer = await market.customer(service, plan)
    call = market.event(customer)
    await market.take([call])
    dispute = await open_one(market, customer, call)
    await in_desk(market, "answer", operator, dispute.id, "our own service", give_back=False)
    with pytest.raises(DisputeOwnPart):
        await in_desk(market, "decide", operator, dispute.id, "rejected", "in my own matter")
