"""Sums of usage: what was metered before they were kept is added up alike, and batches at once count each call once."""

import asyncio
import importlib
import random
from typing import Any

from sqlalchemy import text

from mercato.metering import event_time
from tests.metering.test_series import adjust, make_days, random_events, shop
from tests.support.market import Market

_ROWS = text(
    "SELECT start, shape, sum(calls), sum(billed), sum(failed), sum(tokens_in), sum(tokens_cached), sum(bytes_out),"
    " sum(duration_us), sum(price_nanos), sum(adjusted_nanos), max(operation), max(status_class) FROM usage_quarter"
    " GROUP BY start, shape ORDER BY start, shape"
)
_BUCKETS = text(
    "SELECT start, shape, bucket, sum(n) FROM usage_quarter, unnest(latency_at, latency_n) AS one (bucket, n)"
    " GROUP BY start, shape, bucket ORDER BY start, shape, bucket"
)


async def read(market: Market) -> tuple[list[Any], list[Any]]:
    async with market.database.transaction() as session:
        return [tuple(row) for row in await session.execute(_ROWS)], [
            tuple(row) for row in await session.execute(_BUCKETS)
        ]


async def test_what_was_metered_before_is_added_up_alike(market: Market) -> None:
    _, customers = await shop(market)
    events = random_events(market, customers, random.Random(4), 150)
    await market.take(events)
    stranger = events[0].model_copy(update={"id": market.event(customers[0]).id, "subscription_id": "sub_none"})
    await market.take([stranger.model_copy(update={"bytes_in": 8 * 10**18, "duration_us": 8 * 10**18})])
    await adjust(market, await market.operator(), customers, events)
    kept = await read(market)
    migration = importlib.import_module("mercato.app.migrations.versions.0032_usage_figures")
    async with market.database.transaction() as session:
        await session.execute(text("DELETE FROM usage_quarter"))
        for statement in (migration._BACKFILL, migration._BACKFILL_ADJUSTMENTS):
            await session.execute(text(statement.replace(":", r"\:")))
    assert await read(market) == kept


async def test_batches_at_once_with_the_same_calls_and_days_made_meanwhile_count_each_call_once(market: Market) -> None:
    _, customers = await shop(market)
    events = random_events(market, customers, random.Random(6), 120, days=4)
    batches = [events[begin : begin + 60] for begin in (0, 20, 40, 60)] * 2
    await asyncio.gather(
        *(market.take(batch[:: (-1) ** number]) for number, batch in enumerate(batches)), make_days(market)
    )
    await make_days(market)
    midnight = market.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    over = [event for event in events if event_time(event.id) < midnight]
    query = text("SELECT level, seconds, sum(calls), sum(price_nanos) FROM usage_days GROUP BY level, seconds")
    async with market.database.transaction() as session:
        found = {(row[0], row[1]): (row[2], row[3]) for row in await session.execute(query)}
        assert await session.scalar(text("SELECT sum(calls) FROM usage_quarter")) == len(events)
    # Two releases, operations and four statuses: only the market's day rows save half of all rows each day.
    assert found["market", 86_400] == (len(over), sum(event.price_nanos for event in over))
    assert all(calls <= len(over) for calls, _ in found.values())
