"""Usage is taken once by id, whatever is sent twice, at once, late or wrong."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from mercato.consumption import UsageEventMalformed
from mercato.platform import Database
from mercato_contracts.ids import make_id
from tests.support.market import Customer, Market


async def scalar(database: Database, query: str) -> object:
    async with database.transaction() as session:
        return await session.scalar(text(query))


async def acme(market: Market, **plan: Any) -> Customer:
    service, made = await market.list_service(await market.people.join("acme"), **plan)
    return await market.customer(service, made)


async def test_a_batch_sent_twice_changes_nothing(market: Market) -> None:
    customer = await acme(market)
    events = [market.event(customer) for _ in range(50)]
    assert (await market.take(events)).taken == 50
    postings = await scalar(market.database, "SELECT count(*) FROM postings")
    receipt = await market.take(events)
    assert (receipt.taken, receipt.known) == (0, 50)
    assert await scalar(market.database, "SELECT count(*) FROM usage_events") == 50
    assert await scalar(market.database, "SELECT count(*) FROM postings") == postings


async def test_overlapping_batches_at_once_count_each_event_once(market: Market) -> None:
    customer = await acme(market)
    events = [market.event(customer) for _ in range(120)]
    batches = [events[start : start + 60] for start in (0, 20, 40, 60)] * 2
    # Some in the other order: locks must not depend on how a gateway sorts.
    receipts = await asyncio.gather(*(market.take(batch[:: (-1) ** n]) for n, batch in enumerate(batches)))
    assert sum(receipt.taken for receipt in receipts) == 120
    assert await scalar(market.database, "SELECT count(*) FROM usage_events") == 120
    assert await scalar(market.database, "SELECT sum(calls) FROM postings WHERE account_id LIKE 'consumer:%'") == 120


async def test_an_id_sent_again_with_another_time_does_not_count_twice(market: Market) -> None:
    event = market.event(await acme(market))
    await market.take([event])
    later = event.model_copy(update={"at_us": event.at_us + 40 * 86_400_000_000})
    assert (await market.take([later, later])).taken == 0
    assert await scalar(market.database, "SELECT count(*) FROM usage_events") == 1


async def test_an_id_twice_in_one_batch_counts_once(market: Market) -> None:
    event = market.event(await acme(market))
    receipt = await market.take([event, event.model_copy(update={"tokens_in": 1})])
    assert (receipt.taken, receipt.known) == (1, 1)
    assert await scalar(market.database, "SELECT tokens_in FROM usage_events") == event.tokens_in


async def test_each_month_has_its_partition_made_on_demand_by_many_at_once(market: Market) -> None:
    customer = await acme(market)
    moments = [market.clock.now() - timedelta(days=30 * n) for n in range(8)]
    events = [[market.event(customer, at=moment) for moment in moments] for _ in range(6)]
    await asyncio.gather(*(market.take(batch) for batch in events))
    assert await scalar(market.database, "SELECT count(*) FROM usage_events") == 48
    partitions = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'usage_events'::regclass"
    assert await scalar(market.database, partitions) == len({(m.year, m.month) for m in moments})


async def test_a_wrong_price_is_posted_at_our_own_figure_and_recorded(market: Market) -> None:
    customer = await acme(market, per_1k_input_nanos=333)
    event = market.event(customer, price_nanos=5, tokens_in=10)
    assert (await market.take([event])).taken == 1
    assert await scalar(market.database, "SELECT price_nanos FROM usage_events") == 1_000_000 + 4
    assert await scalar(market.database, "SELECT reasons->>0 FROM usage_disputes") == "price_nanos"
    assert await scalar(market.database, "SELECT claimed_nanos FROM usage_disputes") == 5


async def test_who_pays_whom_is_what_the_subscription_says(market: Market) -> None:
    customer = await acme(market)
    event = market.event(customer, vendor_id="org_somebody", plan_id="pln_other", consumer_id="org_x")
    await market.take([event])
    stored = await scalar(market.database, "SELECT consumer_id || vendor_id || plan_id FROM usage_events")
    assert stored == customer.caller.organisation_id + customer.service.vendor_id + customer.plan.id
    reasons = await scalar(market.database, "SELECT reasons::text FROM usage_disputes")
    assert reasons == '["consumer_id", "vendor_id", "plan_id"]'


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"subscription_id": "sub_nobody"}, "subscription_unknown"),
        ({"key_id": "key_nobody"}, "key_of_another"),
        ({"tokens_in": 9 * 10**18}, "beyond_reason"),
    ],
)
async def test_what_nobody_can_be_charged_for_is_kept_and_not_billed(
    market: Market, changes: dict[str, object], reason: str
) -> None:
    customer = await acme(market, per_1k_input_nanos=1)
    event = market.event(customer).model_copy(update={"price_nanos": 77, **changes})
    assert (await market.take([event])).taken == 1
    assert await scalar(market.database, "SELECT price_nanos FROM usage_events") == 0
    assert await scalar(market.database, "SELECT reasons->>0 FROM usage_disputes") == reason
    assert await scalar(market.database, "SELECT count(*) FROM postings") == 0


async def test_a_failed_call_is_an_event_without_a_price(market: Market) -> None:
    customer = await acme(market)
    await market.take([market.event(customer, status=503), market.event(customer, status=503, price_nanos=9)])
    assert await scalar(market.database, "SELECT sum(price_nanos) FROM usage_events") == 0
    assert await scalar(market.database, "SELECT count(*) FROM usage_disputes") == 1


@pytest.mark.parametrize("status", [401, 429, 503])
async def test_tokens_of_a_call_that_is_not_owed_count_nowhere(market: Market, status: int) -> None:
    customer = await acme(market)
    claimed: dict[str, Any] = {"tokens_in": 10**12, "tokens_out": 5, "tokens_cached": 4, "unpaid_tokens_out": 3}
    await market.take([market.event(customer, status=status, **claimed)])
    stored = "SELECT sum(tokens_in + tokens_out + tokens_cached) FROM usage_events"
    assert await scalar(market.database, stored) == 0
    assert await scalar(market.database, "SELECT reasons::text FROM usage_disputes") == '["not_owed"]'


@pytest.mark.parametrize("milliseconds", [0, 4_000_000_000_000, 2**48 - 1])
async def test_a_time_beyond_reason_is_set_aside_once_and_not_lost(market: Market, milliseconds: int) -> None:
    event = market.event(await acme(market)).model_copy(
        update={"id": make_id("use", milliseconds, bytes(10)), "at_us": -(10**30)}
    )
    assert (await market.take([event])).taken == 1
    assert (await market.take([event])).taken == 0
    assert await scalar(market.database, "SELECT count(*) FROM usage_events") == 0
    assert await scalar(market.database, "SELECT claimed->>'id' FROM usage_disputes") == event.id


async def test_an_event_without_an_id_of_its_own_refuses_the_batch_and_names_it(market: Market) -> None:
    customer = await acme(market)
    wrong = market.event(customer).model_copy(update={"id": "use_1; DROP TABLE usage_events"})
    with pytest.raises(UsageEventMalformed) as refusal:
        await market.take([market.event(customer), wrong])
    assert [error.field for error in refusal.value.errors] == ["events.1.id"]
    assert await scalar(market.database, "SELECT count(*) FROM usage_events") == 0


async def test_events_are_never_edited(market: Market) -> None:
    await market.take([market.event(await acme(market))])
    for statement in ("UPDATE usage_events SET price_nanos = 0", "DELETE FROM usage_events"):
        with pytest.raises(Exception, match="written once"):
            await scalar(market.database, statement + " RETURNING 1")


async def test_usage_at_the_turn_of_the_month_belongs_to_the_day_of_its_id(market: Market) -> None:
    customer = await acme(market)
    last, first = datetime(2026, 10, 31, 23, 59, 59, 999000, UTC), datetime(2026, 11, 1, tzinfo=UTC)
    await market.take([market.event(customer, at=last), market.event(customer, at=first)])
    days = await scalar(market.database, "SELECT string_agg(DISTINCT day::text, ' ' ORDER BY day::text) FROM postings")
    assert days == "2026-10-31 2026-11-01"
