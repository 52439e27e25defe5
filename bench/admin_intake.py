"""What the sums of usage cost intake: batches in turn with and without them, over the filled tables."""

import random
import time
from collections.abc import Iterable
from typing import Any

from sqlalchemy import text

from bench.admin_fill import SERVICES
from bench.discovery_rows import Row
from mercato.adapters.counters_postgres import PostgresCounters
from mercato.billing import Ledger
from mercato.consumption import TakeUsage
from mercato.metering import Appraised
from mercato.platform import Database, SystemClock, SystemIds
from mercato_contracts.dataplane import UsageBatch, UsageEvent

COST_BAR_PERCENT = 15.0
_CONSUMERS, _BATCH, _ROUNDS = 200, 500, 40

_SUBSCRIPTIONS = (
    "INSERT INTO subscriptions (id, consumer_id, vendor_id, service_id, plan_id, status, created_by,"
    " created_at, active_since)"
    " SELECT 'sub_' || lpad(to_hex(n * 3), 32, '0'), 'org_' || lpad(to_hex(n), 32, '0'), vendor_id, services.id,"
    " 'pln_' || substr(services.id, 5), 'active', 'bench', now(), now() FROM generate_series(1, :most) AS n"
    " JOIN services ON services.id = 'svc_' || lpad(to_hex(1 + n * 7 % :services), 32, '0') ON CONFLICT DO NOTHING"
)


class _NoSums:
    """Stands where the sums of usage are, and adds nothing up."""

    async def add(self, calls: Iterable[Appraised], gateway: str) -> None:
        return None


async def measure_intake(url: str) -> list[Row]:
    """Events a second with the sums and without, and what they cost.

    First of 600 keys, where nearly each call is a row of its own, then of 24.
    """
    clock = SystemClock()
    database, ids = Database(url), SystemIds(clock)
    async with database.transaction() as session:
        await session.execute(text(_SUBSCRIPTIONS), {"most": _CONSUMERS, "services": SERVICES})
        found = await session.execute(text("SELECT consumer_id, vendor_id, service_id, id, plan_id FROM subscriptions"))
        terms = [tuple(row) for row in found]
    rows = await _compare(database, clock, ids, terms, "")
    rows += await _compare(database, clock, ids, terms[:8], ".few_keys")
    await database.close()
    return rows


async def _compare(database: Database, clock: SystemClock, ids: SystemIds, terms: list[Any], suffix: str) -> list[Row]:
    """Batches of these subscriptions, in turn with the sums and without."""
    draw = random.Random(3)
    spent: dict[bool, list[float]] = {True: [], False: []}
    for number in range(_ROUNDS * 2 + 4):
        with_sums = number % 2 == 0
        events = [_event(ids, clock, draw, terms) for _ in range(_BATCH)]
        batch = UsageBatch(gateway=f"gateway-{number % 2}", life="life_1", events=events)
        began = time.perf_counter()
        async with database.transaction() as session:
            counters = PostgresCounters(session, clock, ids)
            desk = TakeUsage(session, clock, counters, Ledger(session, clock, ids, take_rate_bp=1_000))
            if not with_sums:
                desk._rollups = _NoSums()  # type: ignore[assignment]
            receipt = await desk.take(batch)
        assert receipt.taken == _BATCH
        if number >= 4:
            spent[with_sums].append(time.perf_counter() - began)
    rates = {kind: sorted(_BATCH / took for took in times) for kind, times in spent.items()}
    # Medians: a check point of the database falls on one or the other.
    median = {kind: sorted(times)[len(times) // 2] for kind, times in spent.items()}
    cost = (median[True] / median[False] - 1) * 100
    names = {True: "usage_intake_events_per_s", False: "usage_intake_events_per_s.without_sums"}
    rows = [
        Row(names[kind] + suffix, _BATCH / median[kind], "/s", "higher", None, (rates[kind][0], rates[kind][-1]))
        for kind in (True, False)
    ]
    return [*rows, Row(f"usage_intake_cost_percent{suffix}", cost, "%", "lower", COST_BAR_PERCENT)]


def _event(ids: SystemIds, clock: SystemClock, draw: random.Random, terms: list[Any]) -> UsageEvent:
    consumer, vendor, service, subscription, plan = draw.choice(terms)
    key = f"key_{int(consumer[4:], 16) * 10 + draw.randrange(3):032x}"
    return UsageEvent(
        id=ids.new("use"), at_us=int(clock.now().timestamp() * 1e6), request_id=ids.new("req"), gateway="gateway-1",
        consumer_id=consumer, key_id=key, subscription_id=subscription, plan_id=plan, vendor_id=vendor,
        service_id=service, release_id="rel_1", deployment_id="dep_1", protocol="openai",
        operation=draw.choice(["POST /v1/embeddings", "POST /v1/rerank"]), status=200, streamed=False,
        client_left=False, tokens_in=200, tokens_out=100, tokens_cached=0, bytes_in=1000, bytes_out=4000,
        first_byte_us=20_000, duration_us=draw.randrange(20_000, 900_000), overhead_us=100, included=0,
        price_nanos=1_001_000, currency="USD", source="provider", spends=[],
    )  # fmt: skip
