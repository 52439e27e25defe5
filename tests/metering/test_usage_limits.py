"""One figure for ledger, counters and rollups, within what an event's leases lent; refused events count nowhere."""

import asyncio
import random
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from mercato.adapters.counters_postgres import PostgresCounters
from mercato.billing import Reconciling
from mercato.consumption import DisputeReviews
from mercato.consumption.disputes import HOLDER, MOST_DOUBTED_A_DAY
from mercato.consumption.refusals import ReviewDecided
from mercato.identity import Caller
from mercato.metering import Budgets, Level
from mercato.platform import Database
from mercato.publishing import DeploymentHolds
from mercato_contracts.dataplane import Limit
from tests.support.market import Customer, Market

PRICES = {"per_call_nanos": 0, "per_1k_input_nanos": 1_000_000, "per_1k_output_nanos": 1_000_000}
CAP = 13_000


async def budgeted(market: Market, cap: int = CAP, vendor: Caller | None = None, **plan: Any) -> tuple[Customer, Limit]:
    """A customer whose organisation may spend `cap` nano-units a month; a token costs a thousand."""
    service, made = await market.list_service(vendor or await market.people.join("acme"), **{**PRICES, **plan})
    customer = await market.customer(service, made)
    async with market.database.transaction() as session:
        counters = PostgresCounters(session, market.clock, market.ids)
        state = await Budgets(session, market.clock, market.outbox, counters).put(
            customer.caller, key_id=None, unit="nanos", window="month", cap=cap
        )
    return customer, Limit(scope=state.budget.scope, unit="nanos", window="month", cap=cap)


async def level(market: Market, limit: Limit) -> Level:
    async with market.database.transaction() as session:
        return (await PostgresCounters(session, market.clock, market.ids).read([limit]))[0]


async def stored(database: Database, columns: str, table: str = "usage_events") -> list[tuple[Any, ...]]:
    async with database.transaction() as session:
        return [tuple(row) for row in await session.execute(text(f"SELECT {columns} FROM {table} ORDER BY 1"))]


async def posted(database: Database) -> int:
    query = "SELECT coalesce(sum(amount_nanos), 0) FROM postings WHERE account_id LIKE 'consumer:%'"
    async with database.transaction() as session:
        return int(await session.scalar(text(query)) or 0)


async def assert_all_agree(market: Market) -> None:
    async with market.database.transaction() as session:
        found = await Reconciling(session).reconcile(date(2026, 11, 1), date(2026, 12, 1))
    assert found.agrees, (found.differences, found.disagreements)


async def test_an_event_is_charged_no_more_than_its_leases_lent(market: Market) -> None:
    customer, limit = await budgeted(market)
    lease = (await market.lend((limit.scope, CAP, CAP))).grants[0].lease
    event = market.event(customer, tokens_in=3, tokens_out=12, spends=[(lease, 15_000)])
    await market.take([event], closed=[lease])
    columns = "price_nanos, tokens_in, tokens_out, unpaid_tokens_in, unpaid_tokens_out, unpaid_nanos"
    assert await stored(market.database, columns) == [(13_000, 3, 10, 0, 2, 2_000)]
    assert await posted(market.database) == (await level(market, limit)).used == CAP
    ((reasons,),) = await stored(market.database, "reasons", "usage_disputes")
    assert reasons == ["price_nanos", "beyond_lease"]
    await assert_all_agree(market)


@pytest.mark.parametrize(
    "changes",
    [
        {"tokens_in": 9 * 10**18},
        {"tokens_out": 10**12 + 1},
        {"tokens_out": 10**12, "price_nanos": 10**15 + 1},
        {"subscription_id": "sub_nobody"},
        {"key_id": "key_nobody"},
        {"id": "use_" + "f" * 12 + "7" + "0" * 3 + "8" + "0" * 15},
    ],
)
async def test_an_event_that_is_refused_debits_nothing(market: Market, changes: dict[str, Any]) -> None:
    customer, limit = await budgeted(market, cap=550_000_000, per_1k_output_nanos=10**9)
    lease = (await market.lend((limit.scope, 1_000_000, 1_000_000))).grants[0].lease
    event = market.event(customer, spends=[(lease, 10**15)]).model_copy(update=changes)
    assert (await market.take([event])).taken == 1
    assert await level(market, limit) == Level(used=0, leased=1_000_000, left=549_000_000)
    await market.take([], closed=[lease])
    assert (await level(market, limit)).left == 550_000_000
    assert await posted(market.database) == 0
    rows = await stored(market.database, "tokens_in + tokens_out + price_nanos + included")
    assert [row[0] for row in rows] in ([], [0])
    ((claimed,),) = await stored(market.database, "claimed->>'id'", "usage_disputes")
    assert claimed == event.id


async def test_a_closed_or_foreign_lease_pays_for_nothing(market: Market) -> None:
    customer, limit = await budgeted(market)
    lease = (await market.lend((limit.scope, 5_000, 5_000))).grants[0].lease
    await market.take([], closed=[lease])
    late = market.event(customer, tokens_in=2, tokens_out=3, spends=[(lease, 5_000)])
    await market.take([late])
    assert await posted(market.database) == (await level(market, limit)).used == 0
    assert await stored(market.database, "price_nanos, unpaid_nanos") == [(0, 5_000)]
    await assert_all_agree(market)


async def test_events_of_one_batch_share_what_their_lease_has(market: Market) -> None:
    customer, limit = await budgeted(market)
    lease = (await market.lend((limit.scope, CAP, CAP))).grants[0].lease
    events = [market.event(customer, tokens_in=5, tokens_out=3, spends=[(lease, 8_000)]) for _ in range(3)]
    await market.take(events[:1])
    await market.take(events)  # the first is known, and takes nothing of what the others have
    assert await stored(market.database, "price_nanos") == [(0,), (5_000,), (8_000,)]
    assert await posted(market.database) == (await level(market, limit)).used == CAP
    await assert_all_agree(market)


@pytest.mark.parametrize("seed", range(5))
async def test_parts_of_several_leases_pay_for_every_call_in_whatever_order_they_arrive(
    market: Market, seed: int
) -> None:
    dice, price = random.Random(seed), 1_000
    customer, limit = await budgeted(market, cap=20 * price)
    sizes = [dice.randrange(300, 2_500) for _ in range(6)]
    grants = [(await market.lend((limit.scope, size, size))).grants[0] for size in sizes]
    left = [(grant.lease, grant.granted) for grant in grants]
    events = []
    while sum(units for _, units in left) >= price:
        spends: list[tuple[str, int]] = []
        while (missing := price - sum(units for _, units in spends)) > 0:
            lease, units = left.pop(0)
            spends.append((lease, min(units, missing)))
            if units > missing:
                left.insert(0, (lease, units - missing))
        events.append(market.event(customer, tokens_in=1, tokens_out=0, spends=spends))
    dice.shuffle(events)
    for event in events:
        await market.take([event])
    await market.take([], closed=[grant.lease for grant in grants])
    assert await stored(market.database, "price_nanos") == [(price,)] * len(events)
    assert await stored(market.database, "reasons", "usage_disputes") == []
    assert await posted(market.database) == (await level(market, limit)).used == price * len(events)
    assert (await level(market, limit)).left == (20 - len(events)) * price
    await assert_all_agree(market)


async def test_batches_at_once_from_one_gateway_never_pass_the_cap(market: Market) -> None:
    customer, limit = await budgeted(market, cap=100_000)
    lease = (await market.lend((limit.scope, 100_000, 100_000))).grants[0].lease
    dice = random.Random(5)
    events = [
        market.event(customer, tokens_in=dice.randrange(9), tokens_out=dice.randrange(20), spends=[(lease, 10**6)])
        for _ in range(60)
    ]
    batches = [events[start : start + 20] for start in range(0, 50, 10)]
    await asyncio.gather(*(market.take(batch) for batch in batches * 2))
    assert await posted(market.database) == (await level(market, limit)).used <= 100_000
    await assert_all_agree(market)


async def test_what_a_service_claims_is_kept_and_many_false_claims_are_put_before_a_person(market: Market) -> None:
    vendor = await market.people.join("acme")
    customer, _ = await budgeted(market, vendor=vendor)
    operator = await market.operator()
    doubt: dict[str, Any] = {"doubt": "output_beyond_bound", "claimed_tokens_in": 5, "claimed_tokens_out": 999_999_000}
    await market.take([market.event(customer, **doubt) for _ in range(MOST_DOUBTED_A_DAY - 1)])
    claimed = await stored(market.database, "claimed_nanos, posted_nanos, reasons", "usage_disputes")
    assert claimed == [(999_999_005_000, 10_000, ["output_beyond_bound"])] * (MOST_DOUBTED_A_DAY - 1)
    async with market.database.transaction() as session:
        reviews = DisputeReviews(session, market.clock, market.ids, market.outbox)
        assert await reviews.open_due() == 0
    await market.take([market.event(customer, **doubt)])
    async with market.database.transaction() as session:
        reviews = DisputeReviews(session, market.clock, market.ids, market.outbox)
        assert await reviews.open_due() == 1
        assert await reviews.open_due() == 0
        (day,) = await reviews.list_days(vendor, everyone=False, since=date(2026, 1, 1))
        assert (day.service_id, day.calls) == (customer.service.id, MOST_DOUBTED_A_DAY)
        (review,) = await reviews.list_all(vendor, everyone=False, only_open=True, before=None, limit=9)
        await reviews.decide(operator, review.id, "hold", "It counts what nobody sees.")
        with pytest.raises(ReviewDecided):
            await reviews.decide(operator, review.id, "hold", "Again.")
    async with market.database.transaction() as session:
        (deployment,) = (await session.scalars(text("SELECT id FROM deployments"))).all()
        holds = DeploymentHolds(session, market.clock, market.outbox)
        assert [hold.holder for hold in (await holds.holds_on([deployment]))[deployment]] == [HOLDER]
        reviews = DisputeReviews(session, market.clock, market.ids, market.outbox)
        await reviews.decide(operator, review.id, "clear", "It was fixed.")
        assert await holds.holds_on([deployment]) == {}
        assert await reviews.open_due() == 0
    await assert_all_agree(market)
