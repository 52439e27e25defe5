"""Slices lent to a gateway that died while it asked, after its next life had recovered."""

from mercato.adapters.counters_postgres import PostgresCounters
from tests.support.market import Market


async def reclaim(market: Market) -> int:
    async with market.database.transaction() as session:
        return await PostgresCounters(session, market.clock, market.ids).reclaim()


async def test_what_was_lent_to_a_dead_life_after_the_next_recovered_comes_back_when_that_ships(market: Market) -> None:
    limits = [{"unit": "requests", "per": "month", "amount": 10, "burst": None}]
    service, plan = await market.list_service(await market.people.join("acme"), limits=limits)
    customer = await market.customer(service, plan)
    scope = f"subscription:{customer.subscription.id}:requests:month"
    assert await market.recover(life="life_2") == 0
    lost = (await market.lend((scope, 7, 7), life="life_1")).grants[0]
    mine = (await market.lend((scope, 3, 3), life="life_2")).grants[0]
    await market.lend((scope, 0, 9), gateway="gateway-2", life="life_1")
    assert await reclaim(market) == 0
    assert (await market.lend((scope, 1, 1), life="life_2")).denied is not None
    await market.take([market.event(customer, spends=[(mine.lease, 1)])], life="life_2")
    assert await reclaim(market) == 1
    again = (await market.lend((scope, 7, 7), life="life_2")).grants[0]
    assert (lost.granted, again.granted) == (7, 7)
    assert (await market.lend((scope, 1, 1), life="life_2")).denied is not None
