"""A period again from its events: the same totals and hash wherever, and whatever was tampered with is named."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from click.testing import CliRunner

from mercato.app.main import main
from mercato.billing import Adjusting, Reconciliation, Reconciling, Wanted
from tests.support.market import Customer, Market

SINCE, UNTIL = date(2026, 11, 1), date(2026, 12, 1)


async def used(market: Market) -> tuple[Customer, list[str]]:
    """Calls of several days and kinds, one corrected, invoiced as far as they go."""
    vendor = await market.people.join("acme")
    service, plan = await market.list_service(
        vendor, per_call_nanos=11, per_1k_input_nanos=333, included_unit="tokens", included=100
    )
    customer = await market.customer(service, plan)
    first = market.clock.now()
    events = [
        market.event(customer, at=first + timedelta(hours=7 * n), tokens_in=100 * n, status=503 if n == 4 else 200)
        for n in range(12)
    ]
    market.clock.advance(timedelta(days=5))
    await market.take(events[:7])
    await market.take(events[7:])
    async with market.database.transaction() as session:
        wanted = Wanted("t1", "credit", "cut off", event_id=events[3].id, tokens_in=50)
        await Adjusting(session, market.clock, market.ids, market.outbox).adjust(vendor, wanted)
    await market.close("2026-11")
    return customer, [event.id for event in events]


async def reconcile(market: Market) -> Reconciliation:
    async with market.database.transaction() as session:
        return await Reconciling(session).reconcile(SINCE, UNTIL)


def tamper(url: str, statement: str) -> None:
    """As somebody with the disk would: no trigger is asked."""
    with psycopg.connect(url) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(statement.encode())


async def test_all_is_well_and_two_runs_say_the_same(market: Market) -> None:
    customer, _ = await used(market)
    first, again = await reconcile(market), await reconcile(market)
    assert first.agrees
    assert first == again
    ((key, total),) = first.totals.items()
    assert key == (customer.caller.organisation_id, customer.service.vendor_id, customer.service.id, "USD")
    assert (total.calls, total.nanos) == (12, first.digest.totals[0].price_nanos)
    assert total.adjusted_nanos < 0


async def test_a_copy_of_the_events_elsewhere_has_the_same_hash(market: Market, database_url: str) -> None:
    await used(market)
    columns = (
        "id, consumer_id, key_id, subscription_id, plan_id, vendor_id, service_id, release_id, status, tokens_in,"
        " tokens_out, tokens_cached, included, price_nanos, currency, source"
    )
    with psycopg.connect(database_url) as connection:
        copied = connection.execute(f"SELECT {columns} FROM usage_events ORDER BY random()".encode()).fetchall()
    hours: dict[datetime, list[str]] = {}
    for row in sorted(copied):
        at = datetime.fromtimestamp(int(row[0][4:16], 16) / 1000, UTC).replace(minute=0, second=0, microsecond=0)
        hours.setdefault(at, []).append("|".join(map(str, row)))
    whole = "".join(
        f"{hour.isoformat()}|{len(lines)}|{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}\n"
        for hour, lines in sorted(hours.items())
    )
    assert (await reconcile(market)).digest.digest == hashlib.sha256(whole.encode()).hexdigest()


@pytest.mark.parametrize(
    ("statement", "kinds"),
    [
        ("UPDATE usage_events SET price_nanos = price_nanos + 1 WHERE id = '{0}'",
         {"event_price", "journal", "rollup"}),
        ("UPDATE usage_events SET tokens_in = tokens_in + 9000 WHERE id = '{0}'", {"event_price"}),
        ("UPDATE usage_events SET status = 200 WHERE status = 503", {"event_price"}),
        ("UPDATE usage_events SET plan_id = 'pln_x' WHERE id = '{0}'", {"event_plan", "event_price"}),
        ("DELETE FROM usage_events WHERE id = '{0}'", {"journal", "rollup"}),
        ("UPDATE postings SET amount_nanos = amount_nanos + 5 WHERE number = (SELECT min(number) FROM postings)",
         {"journal", "unbalanced", "document"}),
        ("DELETE FROM postings WHERE item = 'usage' AND day = '2026-11-03'", {"journal", "document"}),
        ("UPDATE invoices SET total_nanos = total_nanos + 1", {"document"}),
        ("UPDATE payout_lines SET net_nanos = net_nanos + 1 WHERE position = 1", {"document"}),
        ("UPDATE adjustments SET nanos = nanos - 1", {"adjustment"}),
        ("INSERT INTO counters SELECT 'subscription:' || subscription_id || ':requests:month', '2026-11-01', 13, 0"
         " FROM usage_events LIMIT 1", {"counter"}),
        ("INSERT INTO counters SELECT 'subscription:' || subscription_id || ':requests:month', '2026-11-01', 11, 0"
         " FROM usage_events LIMIT 1", {"counter"}),
        ("INSERT INTO counters SELECT 'consumer:' || consumer_id || ':nanos:day', '2026-11-03', 10000, 0"
         " FROM usage_events LIMIT 1", {"counter"}),
    ],
)  # fmt: skip
async def test_whatever_was_tampered_with_is_named(
    market: Market, database_url: str, statement: str, kinds: set[str]
) -> None:
    _, ids = await used(market)
    before = await reconcile(market)
    tamper(database_url, statement.format(ids[5]))
    after = await reconcile(market)
    assert {item.kind for item in after.disagreements} == kinds
    assert (after.digest.digest == before.digest.digest) == (
        "usage_events SET" not in statement and "usage_events W" not in statement
    )
    if "'{0}'" in statement and "event_price" in kinds:
        assert ids[5] in {item.id for item in after.disagreements}


async def test_an_honest_count_of_a_quota_agrees(market: Market, database_url: str) -> None:
    await used(market)
    tamper(
        database_url,
        "INSERT INTO counters SELECT 'subscription:' || subscription_id || ':requests:month', '2026-11-01', 12, 0"
        " FROM usage_events LIMIT 1",
    )
    assert (await reconcile(market)).agrees


async def test_the_command_prints_totals_and_hash_and_ends_with_1_when_something_disagrees(
    market: Market, database_url: str, tmp_path: Path
) -> None:
    _, ids = await used(market)
    found = await reconcile(market)

    def run(*more: str) -> Any:
        arguments = ["--state", str(tmp_path), "reconcile", "--from", "2026-11-01", "--to", "2026-12-01", *more]
        return CliRunner(env={"DATABASE_URL": database_url}).invoke(main, arguments)

    import asyncio

    good = await asyncio.to_thread(run)
    assert good.exit_code == 0, good.output
    assert f"sha256  {found.digest.digest}" in good.output
    as_json = json.loads((await asyncio.to_thread(run, "--json")).stdout)
    assert as_json["sha256"] == found.digest.digest
    assert as_json["totals"][0]["calls"] == 12
    tamper(database_url, f"DELETE FROM usage_events WHERE id = '{ids[0]}'")
    bad = await asyncio.to_thread(run)
    assert bad.exit_code == 1
    assert "NOT RECONCILED" in bad.output
    assert "ledger: 2026-11-02" in bad.output


async def test_operators_ask_over_http_for_a_month_or_days(api: httpx.AsyncClient, market: Market) -> None:
    customer, _ = await used(market)

    async def sign_in(slug: str) -> dict[str, str]:
        body = {"email": f"{slug}@example.org", "password": "correct horse battery"}
        return {"Authorization": f"Bearer {(await api.post('/api/sessions', json=body)).json()['access_token']}"}

    operator = await sign_in("operator")
    month = (await api.get("/api/ledger/reconciliation", params={"period": "2026-11"}, headers=operator)).json()
    days = {"since": "2026-11-01", "until": "2026-12-01"}
    assert (await api.get("/api/ledger/reconciliation", params=days, headers=operator)).json() == month
    assert (month["calls"], month["differences"], month["disagreements"]) == (12, [], [])
    for wrong in ({}, {"since": "2026-11-01", "until": "2026-11-01"}, {"since": "2026-01-01", "until": "2026-11-01"}):
        answer = await api.get("/api/ledger/reconciliation", params=wrong, headers=operator)
        assert (answer.status_code, answer.json()["code"]) == (422, "billing_period_malformed")
    stranger = await sign_in(customer.caller.organisation_slug)
    assert (await api.get("/api/ledger/reconciliation", params=days, headers=stranger)).status_code == 403
