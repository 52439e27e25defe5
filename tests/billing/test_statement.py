"""Statement, balance, unbilled and agreement over HTTP: the ledger's own figures, each organisation its own."""

import csv
import io
import random
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import text

from mercato.billing import Agreements
from tests.metering.test_series import adjust, make_days, random_events, shop
from tests.metering.test_usage_api import sign_in
from tests.support.market import Market


async def get(api: httpx.AsyncClient, path: str, headers: dict[str, str], **params: Any) -> dict[str, Any]:
    answer = await api.get(path, params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read_statement(api: httpx.AsyncClient, headers: dict[str, str], **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = await get(api, "/api/statement", headers, limit=9, **params, **after)
        found += page["items"]
        if page["next"] is None:
            assert page["closing_nanos"].get("USD", 0) - page["opening_nanos"].get("USD", 0) == sum(
                item["amount_nanos"] for item in found
            )
            return found
        after = {"after": page["next"]}


async def check_agreement(market: Market) -> int:
    disagreeing = 0
    for _ in range(40):
        async with market.database.transaction() as session:
            disagreeing += await Agreements(session, market.clock).check_due()
    return disagreeing


async def test_a_statement_is_the_ledger_of_its_organisation_with_documents(
    api: httpx.AsyncClient, market: Market
) -> None:
    vendor, customers = await shop(market)
    events = random_events(market, customers, random.Random(1), 100)
    await market.take(events)
    await market.take([market.event(customers[0], operation="=cmd()")])
    headers, theirs = await sign_in(api, customers[0].caller), await sign_in(api, vendor)
    period = {"since": "2026-09-01", "until": "2026-11-03"}
    before = await get(api, "/api/unbilled", headers)
    await market.close("2026-10")
    rows = await read_statement(api, headers, **period)
    assert [(row["day"], row["number"]) for row in rows] == sorted(
        ((row["day"], row["number"]) for row in rows), reverse=True
    )
    own = [event for event in events if event.consumer_id == customers[0].caller.organisation_id]
    assert sum(row["amount_nanos"] for row in rows) == sum(event.price_nanos for event in own) + 1_000_000
    assert {row["service"] for row in rows} == {"acme/embedder"}
    (invoice,) = (await get(api, "/api/invoices", headers))["items"]
    billed = [row for row in rows if row["document_id"] == invoice["id"]]
    assert sum(row["amount_nanos"] for row in billed) == invoice["total_nanos"]
    (standing,) = (await get(api, "/api/balance", headers))["items"]
    assert standing["balance_nanos"] == sum(row["amount_nanos"] for row in rows) == before["totals"]["USD"]
    unbilled = await get(api, "/api/unbilled", headers)
    assert unbilled["totals"].get("USD", 0) == standing["unbilled_nanos"]
    assert standing["unbilled_nanos"] == standing["balance_nanos"] - invoice["total_nanos"]
    earned = await read_statement(api, theirs, side="vendor", **period)
    (owed,) = (await get(api, "/api/balance", theirs, side="vendor"))["items"]
    assert owed["balance_nanos"] == sum(row["amount_nanos"] for row in earned) < 0
    assert await read_statement(api, theirs, **period) == []
    everything = await read_statement(api, await sign_in(api, await market.operator()), side="marketplace", **period)
    assert sum(row["amount_nanos"] for row in everything) == 0
    exported = await api.get("/api/statement/export", params=period, headers=headers)
    assert [int(row["number"]) for row in csv.DictReader(io.StringIO(exported.text))] == [row["number"] for row in rows]


async def test_strange_statements_are_refused(api: httpx.AsyncClient, market: Market) -> None:
    vendor, customers = await shop(market)
    await market.take(random_events(market, customers[:1], random.Random(2), 40))
    headers, theirs = await sign_in(api, customers[0].caller), await sign_in(api, vendor)
    page = await get(api, "/api/statement", headers, limit=2, since="2026-09-01")
    cases: list[tuple[dict[str, Any], dict[str, str], int, str]] = [
        ({"after": page["next"]}, theirs, 422, "cursor_foreign"),
        ({"after": "2026-99-01.1." + page["next"][-8:]}, headers, 422, "cursor_foreign"),
        ({"after": "\0"}, headers, 422, "cursor_foreign"),
        ({"since": "2026-11-02", "until": "2026-11-01"}, headers, 422, "statement_period_refused"),
        ({"since": "yesterday"}, headers, 422, "malformed_request"),
        ({"side": "marketplace"}, headers, 403, "not_allowed"),
    ]
    for params, who, status, code in cases:
        for path in ("/api/statement", "/api/statement/export"):
            if "after" in params and path.endswith("export"):
                continue
            refused = await api.get(path, params=params, headers=who)
            assert (refused.status_code, refused.json()["code"]) == (status, code), (path, params)


async def test_figures_agree_until_somebody_tampers_and_everyone_concerned_sees_it(
    api: httpx.AsyncClient, market: Market
) -> None:
    vendor, customers = await shop(market)
    events = random_events(market, customers, random.Random(3), 100)
    await market.take(events)
    await make_days(market)
    market.clock.advance(timedelta(minutes=1))
    await adjust(market, await market.operator(), customers, events)
    await make_days(market)
    assert await check_agreement(market) == 0
    headers, operator = await sign_in(api, customers[0].caller), await sign_in(api, await market.operator())
    found = await get(api, "/api/usage/agreement", operator, side="marketplace", limit=200)
    assert all(item["agrees"] for item in found["items"])
    over = [event for event in events if event.at_us < market.clock.now().replace(hour=0, minute=0).timestamp() * 1e6]
    for name in ("event_calls", "rollup_calls", "posted_calls"):
        assert sum(item[name] for item in found["items"]) == len(over)
    day = found["items"][5]["day"]
    async with market.database.transaction() as session:
        changed = await session.scalar(
            text("UPDATE usage_quarter SET price_nanos = price_nanos + 5 WHERE ctid = (SELECT ctid FROM usage_quarter"
                 " WHERE calls > 0 AND start::date = CAST(:day AS date) LIMIT 1) RETURNING consumer_id"), {"day": day},
        )  # fmt: skip
        again = text("UPDATE usage_day_states SET made_at = made_at + interval '1 year' WHERE day = :day")
        await session.execute(again, {"day": day})
    market.clock.advance(timedelta(minutes=1))
    assert await check_agreement(market) > 0
    found = await get(api, "/api/usage/agreement", operator, side="marketplace", limit=200)
    (wrong,) = [item for item in found["items"] if not item["agrees"]]
    (difference,) = [one for one in wrong["differences"] if one["consumer_id"]]
    assert (wrong["day"], difference["rollup_nanos"] - difference["event_nanos"]) == (day, 5)
    mine = await get(api, "/api/usage/agreement", headers, limit=200)
    wrong_for_me = [item["day"] for item in mine["items"] if not item["agrees"]]
    assert wrong_for_me == ([day] if changed == customers[0].caller.organisation_id else [])
    assert all(item["event_calls"] is None for item in mine["items"])
    theirs = await get(api, "/api/usage/agreement", await sign_in(api, vendor), side="vendor", limit=200)
    assert [item["day"] for item in theirs["items"] if not item["agrees"]] == [day]
    params = {"since": day, "until": (wrong["day"][:8] + f"{int(day[8:]) + 1:02}")}
    recomputed = await api.get("/api/ledger/reconciliation", params=params, headers=operator)
    if recomputed.status_code == 200:
        assert [one["kind"] for one in recomputed.json()["disagreements"]] == ["rollup"]
