"""Single calls over HTTP: lists by any filter, one call explained down to the ledger, exports without a cap."""

import csv
import io
import json
import random
from typing import Any

import httpx
import pytest

from mercato.metering import call_rows
from tests.metering.test_series import adjust, random_events, shop
from tests.metering.test_usage_api import sign_in
from tests.support.market import Market


async def read_pages(api: httpx.AsyncClient, headers: dict[str, str], **params: Any) -> list[dict[str, Any]]:
    """All pages of a list."""
    found: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        answer = await api.get("/api/usage/calls", params=params | after, headers=headers)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next"] is None:
            return found
        after = {"after": page["next"]}


async def test_every_filter_finds_exactly_its_calls_newest_first(
    api: httpx.AsyncClient, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_rows, "SEARCHED", 25)
    _, customers = await shop(market)
    events = random_events(market, customers[:1], random.Random(5), 90)
    events[3] = events[3].model_copy(update={"asked_service_id": customers[2].service.id, "client_left": True})
    await market.take(events)
    others = [market.event(customers[2]) for _ in range(3)]
    await market.take(others)
    headers, operator = await sign_in(api, customers[0].caller), await sign_in(api, await market.operator())
    one = events[7]
    cases: list[tuple[dict[str, Any], Any]] = [
        ({}, lambda _: True),
        ({"key_id": one.key_id}, lambda _: True),
        ({"service_id": one.service_id}, lambda event: event.service_id == one.service_id),
        ({"release_id": "rel_2"}, lambda event: event.release_id == "rel_2"),
        ({"operation": "=cmd()"}, lambda event: event.operation == "=cmd()"),
        ({"status": 503}, lambda event: event.status == 503),
        ({"status_class": "5"}, lambda event: event.status >= 500),
        ({"failed": True}, lambda event: event.status >= 400),
        ({"duration_above_us": 8_000_000}, lambda event: event.duration_us > 8_000_000),
        ({"price_above_nanos": 999_999}, lambda event: event.price_nanos > 999_999),
        ({"fallback": True}, lambda event: event.asked_service_id is not None),
        ({"client_left": True}, lambda event: event.client_left),
        ({"streamed": True}, lambda _: False),
        ({"request_id": one.request_id}, lambda event: event.request_id == one.request_id),
        ({"gateway": "elsewhere"}, lambda _: False),
        ({"error": "limit"}, lambda _: False),
    ]
    since = {"since": "2026-09-01T00:00:00Z"}
    for params, matches in cases:
        if "key_id" not in params:
            everybodys = await read_pages(api, operator, limit=9, side="marketplace", **params, **since)
            ids = [item["id"] for item in everybodys]
            assert ids == sorted((event.id for event in [*events, *others] if matches(event)), reverse=True), params
        found = await read_pages(api, headers, limit=7, **params, **since)
        expected = sorted((event.id for event in events if matches(event)), reverse=True)
        assert [item["id"] for item in found] == expected, params
    assert {(item["service"], item["key"], item["vendor"]) for item in found} <= {("acme/embedder", "test", "acme")}


async def test_a_cursor_of_another_list_is_refused(api: httpx.AsyncClient, market: Market) -> None:
    vendor, customers = await shop(market)
    await market.take([market.event(customers[0]) for _ in range(5)])
    headers, theirs = await sign_in(api, customers[0].caller), await sign_in(api, vendor)
    following = (await api.get("/api/usage/calls", params={"limit": 2}, headers=headers)).json()["next"]
    cases: list[tuple[dict[str, Any], dict[str, str], str]] = [
        ({"after": following}, theirs, "cursor_foreign"),
        ({"after": following, "status": 200}, headers, "cursor_foreign"),
        ({"after": following[:36]}, headers, "cursor_foreign"),
        ({"after": "\0"}, headers, "cursor_foreign"),
        ({"since": "2026-12-01T00:00:00Z", "until": "2026-11-01T00:00:00Z"}, headers, "period_refused"),
        ({"since": "2026-11-01T00:00:00"}, headers, "malformed_request"),
        ({"side": "vendor", "key_id": "key_1"}, theirs, "usage_filter_refused"),
        ({"side": "vendor", "fallback": True}, theirs, "usage_filter_refused"),
    ]
    for params, who, code in cases:
        for path in ("/api/usage/calls", "/api/usage/calls/export"):
            if path.endswith("export") and "after" in params:
                continue
            refused = await api.get(path, params=params, headers=who)
            assert (refused.status_code, refused.json()["code"]) == (422, code), (path, params)
    assert (await api.get("/api/usage/calls", params={"side": "marketplace"}, headers=theirs)).status_code == 403


async def test_a_call_is_explained_down_to_the_ledger(api: httpx.AsyncClient, market: Market) -> None:
    vendor = await market.people.join("acme")
    service, plan = await market.list_service(
        vendor, per_call_nanos=500, per_1k_input_nanos=1_001, per_1k_output_nanos=3_000, included_unit="tokens",
        included=10_000,
    )  # fmt: skip
    customer = await market.customer(service, plan, "globex")
    scope = f"subscription:{customer.subscription.id}:included:month"
    lease = (await market.lend((scope, 5, 100))).grants[0].lease
    event = market.event(customer, tokens_in=77, tokens_out=33, included=50, spends=[(lease, 50)])
    await market.take([event, market.event(customer)])
    operator = await market.operator()
    headers = await sign_in(api, customer.caller)
    found = (await api.get(f"/api/usage/calls/{event.id}", headers=headers)).json()
    assert (found["side"], found["call"]["service"], found["is_owed"]) == ("consumer", "acme/embedder", True)
    assert found["call"]["source"] == "provider"
    lines = {line["item"]: (line["covered"], line["nanos"]) for line in found["lines"]}
    assert lines == {"call": (0, 500), "input_tokens": (50, 28), "output_tokens": (0, 99)}
    assert sum(line["nanos"] for line in found["lines"]) == found["call"]["price_nanos"] == event.price_nanos
    assert [(one["scope"], one["units"]) for one in found["spent"]] == [(scope, 50)]
    (entry,) = found["entries"]
    assert entry["item"] == "usage"
    assert entry["calls"] == 2
    assert entry["plan"] == plan.name
    assert entry["document_id"] is None
    body = {"direction": "credit", "reason": "slow", "reference": "r1", "event_id": event.id, "nanos": 27}
    posted = await api.post("/api/adjustments", json=body, headers=await sign_in(api, operator))
    assert posted.status_code == 201
    again = (await api.get(f"/api/usage/calls/{event.id}", headers=headers)).json()
    assert again["stands_at_nanos"] == event.price_nanos - 27
    assert [one["kind"] for one in again["entries"]] == ["usage", "adjustment"]
    as_vendor = (await api.get(f"/api/usage/calls/{event.id}", headers=await sign_in(api, vendor))).json()
    assert (as_vendor["side"], as_vendor["call"]["key_id"], as_vendor["spent"]) == ("vendor", None, None)
    assert {one["item"] for one in as_vendor["entries"]} == {"usage", "fee", "adjustment"}
    assert (
        len((await api.get(f"/api/usage/calls/{event.id}", headers=await sign_in(api, operator))).json()["entries"]) > 4
    )
    stranger = await sign_in(api, await market.people.join("initech"))
    for call_id in (event.id, "use_nothing", "%00"):
        refused = await api.get(f"/api/usage/calls/{call_id}", headers=stranger)
        assert refused.status_code == 404
        assert refused.json()["code"] in ("call_not_found", "not_found")


async def test_exports_hold_every_call_and_no_formula(api: httpx.AsyncClient, market: Market) -> None:
    vendor, customers = await shop(market)
    events = random_events(market, customers, random.Random(9), 150)
    await market.take(events)
    await adjust(market, await market.operator(), customers, events)
    own = {event.id: event for event in events if event.consumer_id == customers[0].caller.organisation_id}
    params = {"since": "2026-09-01T00:00:00Z"}
    headers = await sign_in(api, customers[0].caller)
    answer = await api.get("/api/usage/calls/export", params=params, headers=headers)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["id"] for row in rows] == sorted(own, reverse=True)
    for row in rows:
        event = own[row["id"]]
        assert int(row["price_nanos"]) == event.price_nanos
        assert row["operation"] == (f"'{event.operation}" if event.operation.startswith("=") else event.operation)
    assert any(row["operation"] == "'=cmd()" for row in rows)
    answer = await api.get("/api/usage/calls/export", params=params | {"format": "jsonl"}, headers=headers)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert {line["id"]: line["operation"] for line in lines} == {key: event.operation for key, event in own.items()}
    everything = params | {"side": "vendor", "format": "jsonl"}
    theirs = await api.get("/api/usage/calls/export", params=everything, headers=await sign_in(api, vendor))
    assert len(theirs.text.splitlines()) == 150
    assert customers[0].key.row.id not in theirs.text
