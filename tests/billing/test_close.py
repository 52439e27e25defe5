"""Invoices and payouts: every posting on exactly one, late usage corrected and never lost."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from mercato.billing import Close, Documents, IssuedInvoice, Reconciling, fee_subscriber
from mercato.billing.refusals import InvoiceNotFound, PeriodMalformed
from mercato.identity import Caller, NotAllowed
from mercato.platform import OutboxFeed
from tests.support.market import TAKE_RATE_BP, Customer, Market


async def acme(market: Market, **plan: Any) -> Customer:
    service, made = await market.list_service(await market.people.join("acme"), **plan)
    return await market.customer(service, made)


async def invoice(market: Market, caller: Caller, invoice_id: str) -> IssuedInvoice:
    async with market.database.transaction() as session:
        return await Documents(session).invoice(caller, invoice_id)


async def test_invoice_and_payout_say_what_the_events_say(market: Market) -> None:
    customer = await acme(market, per_1k_input_nanos=777, per_1k_output_nanos=1_501)
    events = [market.event(customer, tokens_in=n, tokens_out=2 * n) for n in range(100)]
    events += [market.event(customer, status=500)]
    await market.take(events)
    closing = await market.close("2026-11")
    (issued,) = closing.invoices
    total = sum(event.price_nanos for event in events)
    assert (issued.total_nanos, issued.number, closing.is_complete) == (total, 1, False)
    (line,) = (await invoice(market, customer.caller, issued.id)).lines
    assert (line.calls, line.amount_nanos, line.item) == (101, total, "usage")
    assert (line.tokens_in, line.tokens_out) == (sum(range(100)), 2 * sum(range(100)))
    (payout,) = closing.payouts
    fee = sum(event.price_nanos * TAKE_RATE_BP // 10_000 for event in events)
    assert (payout.gross_nanos, payout.fee_nanos, payout.net_nanos) == (total, fee, total - fee)


async def test_closing_again_issues_nothing_twice(market: Market) -> None:
    customer = await acme(market)
    await market.take([market.event(customer)])
    first = await market.close("2026-11")
    again = await market.close("2026-11")
    assert (len(first.invoices), len(first.payouts)) == (1, 1)
    assert (again.invoices, again.payouts) == ([], [])


async def test_closings_at_once_put_each_posting_on_one_invoice(market: Market) -> None:
    customer = await acme(market)
    operator = await market.operator()

    async def close() -> int:
        async with market.database.transaction() as session:
            closing = await Close(session, market.clock, market.ids, market.outbox).close(operator, "2026-11")
            return sum(issued.total_nanos for issued in closing.invoices)

    async def use() -> int:
        await market.take([market.event(customer) for _ in range(5)])
        return 0

    market.clock.advance(timedelta(seconds=1))
    sums = await asyncio.gather(*(step() for _ in range(6) for step in (use, close)))
    market.clock.advance(timedelta(seconds=1))
    assert sum(sums) + await close() == 30 * customer.plan.per_call_nanos


async def test_late_usage_of_a_closed_month_is_an_adjustment_on_the_next_invoice(market: Market) -> None:
    customer = await acme(market)
    used_at = market.clock.now()
    await market.take([market.event(customer)])
    market.clock.advance(timedelta(days=30))  # December
    november = await market.close("2026-11")
    assert november.is_complete
    await market.take([market.event(customer, at=used_at), market.event(customer)])
    assert (await market.close("2026-11")).invoices == []
    (december,) = (await market.close("2026-12")).invoices
    lines = (await invoice(market, customer.caller, december.id)).lines
    assert [(line.month, line.is_adjustment, line.calls) for line in lines] == [
        ("2026-11", True, 1),
        ("2026-12", False, 1),
    ]
    assert december.number == 2


async def test_a_partial_closing_takes_what_was_posted_before_and_the_rest_comes_later(market: Market) -> None:
    customer = await acme(market)
    await market.take([market.event(customer) for _ in range(3)])
    market.clock.advance(timedelta(hours=1))
    cut = market.clock.now()
    await market.take([market.event(customer) for _ in range(2)])
    market.clock.advance(timedelta(hours=1))
    (first,) = (await market.close("2026-11", until=cut)).invoices
    (rest,) = (await market.close("2026-11")).invoices
    assert (first.total_nanos, rest.total_nanos) == (3_000_000, 2_000_000)
    (line,) = (await invoice(market, customer.caller, rest.id)).lines
    assert not line.is_adjustment


async def test_what_a_later_month_used_is_not_on_this_months_invoice(market: Market) -> None:
    customer = await acme(market)
    await market.take([market.event(customer)])
    market.clock.advance(timedelta(days=30))
    await market.take([market.event(customer)])
    (november,) = (await market.close("2026-11")).invoices
    assert november.total_nanos == customer.plan.per_call_nanos


@pytest.mark.parametrize("period", ["2026-13", "november", "2027-01", "", "2026-11-01"])
async def test_what_is_no_month_that_has_begun_is_refused(market: Market, period: str) -> None:
    with pytest.raises(PeriodMalformed):
        await market.close(period)


async def test_only_operators_close(market: Market) -> None:
    admin = await market.people.join("globex")
    with pytest.raises(NotAllowed):
        async with market.database.transaction() as session:
            await Close(session, market.clock, market.ids, market.outbox).close(admin, "2026-11")


async def test_another_organisations_documents_are_not_found(market: Market) -> None:
    customer, stranger = await acme(market), await market.people.join("initech")
    await market.take([market.event(customer)])
    (issued,) = (await market.close("2026-11")).invoices
    with pytest.raises(InvoiceNotFound):
        await invoice(market, stranger, issued.id)
    async with market.database.transaction() as session:
        shelf = Documents(session)
        assert await shelf.invoices(stranger, everyone=False, after=None, limit=50) == []
        assert await shelf.payouts(stranger, everyone=False, after=None, limit=50) == []
        with pytest.raises(NotAllowed):
            await shelf.invoices(stranger, everyone=True, after=None, limit=50)
        assert len(await shelf.invoices(await market.operator(), everyone=True, after=None, limit=50)) == 1


async def test_a_monthly_fee_is_owed_once_a_month_in_force(market: Market) -> None:
    customer = await acme(market, monthly_nanos=5_000_000_000, per_call_nanos=0)
    assert [await market.charge_monthly() for _ in range(3)] == [1, 0, 0]
    market.clock.advance(timedelta(days=30))
    assert await asyncio.gather(*(market.charge_monthly() for _ in range(5))) in _one_of_five()
    closing = await market.close("2026-12")
    (issued,) = closing.invoices
    lines = (await invoice(market, customer.caller, issued.id)).lines
    assert [(line.item, line.month, line.amount_nanos) for line in lines] == [
        ("monthly", "2026-11", 5_000_000_000),
        ("monthly", "2026-12", 5_000_000_000),
    ]
    assert closing.payouts[0].fee_nanos == 1_000_000_000


async def test_subscribing_charges_the_first_month_by_itself(market: Market) -> None:
    feed = OutboxFeed(market.database)
    await feed.start([fee_subscriber(market.clock, market.ids, take_rate_bp=TAKE_RATE_BP)], [])
    try:
        await acme(market, monthly_nanos=7)
        async with asyncio.timeout(120):
            while not (await market.trial_balance()).accounts:
                await asyncio.sleep(0.02)
    finally:
        await feed.close()
    assert await market.charge_monthly() == 0


async def test_events_and_ledger_agree_and_a_tampered_ledger_is_found(market: Market) -> None:
    customer = await acme(market)
    await market.take([market.event(customer) for _ in range(20)])
    operator = await market.operator()
    async with market.database.transaction() as session:
        first = await Reconciling(session).reconcile_month(operator, "2026-11")
    assert (first.digest.calls, first.differences) == (20, [])
    async with market.database.transaction() as session:
        assert (await Reconciling(session).reconcile_month(operator, "2026-11")).digest == first.digest
        await session.execute(text("SET LOCAL session_replication_role = replica"))  # as somebody with the disk would
        await session.execute(
            text("UPDATE usage_events SET price_nanos = 1 WHERE id = (SELECT min(id) FROM usage_events)")
        )
        tampered = await Reconciling(session).reconcile_month(operator, "2026-11")
    assert tampered.digest.digest != first.digest.digest
    (difference,) = tampered.differences
    assert (difference.event_nanos, difference.posted_nanos) == (19_000_001, 20_000_000)


def _one_of_five() -> list[list[int]]:
    return [[int(place == one) for place in range(5)] for one in range(5)]
