"""Reconciliation of a busy marketplace: the same verdict on hundreds of thousands of events, in seconds."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from mercato.billing import Reconciling
from tests.billing.test_reconcile import tamper
from tests.support.market import Market

DAY = date(2026, 11, 2)
CUSTOMERS, COPIES = 50, 5_400
"""270,000 events of one day, and 400 counters."""

_COLUMNS = (
    "called_at, journal_id, gateway, request_id, consumer_id, key_id, subscription_id, plan_id, vendor_id, service_id,"
    " release_id, deployment_id, protocol, operation, status, streamed, client_left, tokens_in, tokens_out,"
    " tokens_cached, bytes_in, bytes_out, first_byte_us, duration_us, overhead_us, included, price_nanos, currency,"
    " source, asked_service_id"
)
_MULTIPLY = f"""
SET session_replication_role = replica;
INSERT INTO usage_events (id, at, {_COLUMNS})
 SELECT 'use_' || lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || substr(md5(id || n), 1, 20),
  moment, {_COLUMNS} FROM (SELECT *, date_trunc('day', at, 'UTC') + n * interval '15 seconds' AS moment
   FROM usage_events CROSS JOIN generate_series(1, {COPIES - 1}) AS n) AS copied;
UPDATE postings SET calls = calls * {COPIES}, tokens_in = tokens_in * {COPIES}, tokens_out = tokens_out * {COPIES},
 amount_nanos = amount_nanos * {COPIES};
UPDATE usage_quarter SET calls = calls * {COPIES}, billed = billed * {COPIES},
 failed = failed * {COPIES}, tokens_in = tokens_in * {COPIES}, tokens_out = tokens_out * {COPIES},
 tokens_cached = tokens_cached * {COPIES}, bytes_in = bytes_in * {COPIES}, bytes_out = bytes_out * {COPIES},
 duration_us = duration_us * {COPIES}, included = included * {COPIES}, price_nanos = price_nanos * {COPIES};
INSERT INTO counters (scope, window_start, used, leased)
 SELECT kind || ':' || subject || ':' || unit || ':' || per, '{DAY}'::date - CASE per WHEN 'day' THEN 0 ELSE 1 END,
  CASE unit WHEN 'requests' THEN count(*) ELSE sum(tokens_in + tokens_out) END, 0
 FROM usage_events CROSS JOIN LATERAL (VALUES ('subscription', subscription_id), ('key', key_id)) AS s (kind, subject)
 CROSS JOIN (VALUES ('requests'), ('tokens')) AS u (unit) CROSS JOIN (VALUES ('day'), ('month')) AS p (per)
 GROUP BY kind, subject, unit, per;
ANALYZE;
"""


async def multiplied(market: Market, url: str) -> None:
    """One honest event of each customer, many times."""
    vendor = await market.people.join("acme")
    service, plan = await market.list_service(vendor, per_call_nanos=11, per_1k_input_nanos=333)
    customers = [await market.customer(service, plan) for _ in range(CUSTOMERS)]
    market.clock.advance(timedelta(days=1))
    at = datetime(2026, 11, 2, 12, tzinfo=UTC)
    await market.take([market.event(each, at=at, tokens_in=100 + n) for n, each in enumerate(customers)])
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in _MULTIPLY.split(";\n"):
            if statement.strip():
                connection.execute(statement.encode())


async def reconcile(market: Market) -> tuple[Any, float]:
    began = time.perf_counter()
    async with market.database.transaction() as session:
        found = await Reconciling(session).reconcile(date(2026, 11, 1), date(2026, 12, 1))
    return found, time.perf_counter() - began


@pytest.mark.slow
async def test_270000_events_agree_and_one_that_was_tampered_with_is_found(market: Market, database_url: str) -> None:
    await multiplied(market, database_url)
    found, seconds = await reconcile(market)
    print(f"{found.digest.calls} events in {seconds:.1f} s: {found.digest.calls / seconds:.0f} a second")
    assert found.digest.calls == CUSTOMERS * COPIES
    assert (found.differences, found.disagreements) == ([], [])
    tamper(
        database_url,
        "UPDATE usage_events SET price_nanos = price_nanos + 1 WHERE id = (SELECT max(id) FROM usage_events)",
    )
    tamper(database_url, "UPDATE counters SET used = used + 1 WHERE scope = (SELECT min(scope) FROM counters)")
    found, _ = await reconcile(market)
    assert {each.kind for each in found.disagreements} == {"event_price", "journal", "counter", "rollup"}
