"""Comparisons, vendors, measured series and rankings over HTTP: what was called is what they say."""

from datetime import timedelta

import httpx

from tests.consumption.test_alerts import acme, calls
from tests.consumption.test_measuring import measure, write_rows
from tests.support.market import Market


async def test_services_stand_side_by_side_with_what_they_cost_and_do(api: httpx.AsyncClient, market: Market) -> None:
    vendor, quick = await acme(market, availability_bp=9_900, p95_latency_ms=100)
    slow_service, slow_plan = await market.list_service(vendor, "slow", per_call_nanos=500_000)
    slow = await market.customer(slow_service, slow_plan)
    await write_rows(market, quick.service, slow_service)
    await calls(market, quick, good=110, duration_us=50_000)
    await calls(market, slow, good=120, bad=10, duration_us=900_000)
    await measure(market)
    asked = [("service", "acme/embedder"), ("service", "acme/slow"), ("service", "acme/slow")]
    answer = (await api.get("/api/compare", params=tuple(asked))).json()
    assert [one["listing"]["name"] for one in answer["services"]] == ["acme/embedder", "acme/slow"]
    numbers = {line["name"]: line for line in answer["numbers"]}
    assert numbers["price_per_call"]["values"] == [1_000_000, 500_000]
    best = {name: line["best"] for name, line in numbers.items()}
    assert best["price_per_call"] == [1]
    assert best["p95"] == [0]
    assert best["availability"] == [0]
    assert best["calls"] == [1]
    assert answer["services"][0]["measured"]["sla_met"] is True
    assert answer["services"][0]["promised_p95_ms"] == 100


async def test_a_comparison_refuses_five_none_and_the_unknown(api: httpx.AsyncClient, market: Market) -> None:
    await acme(market)
    five = [("service", f"acme/s{number}") for number in range(5)]
    for asked in (five, [], [("service", "acme")], [("service", "../x")]):
        answer = await api.get("/api/compare", params=tuple(asked))
        assert (answer.status_code, answer.json()["code"]) == (422, "malformed_request")
    asked = [("service", "acme/embedder"), ("service", "acme/nothing")]
    answer = await api.get("/api/compare", params=tuple(asked))
    assert (answer.status_code, answer.json()["code"]) == (404, "service_not_found")
    assert "acme/nothing" in answer.json()["detail"]


async def test_a_vendor_is_shown_and_who_only_calls_is_not(api: httpx.AsyncClient, market: Market) -> None:
    _, customer = await acme(market)
    await write_rows(market, customer.service)
    await calls(market, customer, good=7)
    await measure(market)
    shown = (await api.get("/api/vendors/acme")).json()
    assert shown["slug"] == "acme"
    assert shown["services"] == 1
    assert shown["calls"] == 7
    assert shown["tasks"] == ["embeddings"]
    assert (await api.get("/api/vendors/consumer-2")).status_code == 404
    assert (await api.get("/api/vendors/nobody")).status_code == 404


async def test_the_series_has_every_step_and_adds_up(api: httpx.AsyncClient, market: Market) -> None:
    _, customer = await acme(market)
    await calls(market, customer, good=10, bad=2, duration_us=50_000, ago=timedelta(hours=30))
    await calls(market, customer, good=5, duration_us=50_000)
    path = "/api/services/acme/embedder/measured"
    days = (await api.get(path)).json()
    assert len(days["steps"]) in (30, 31)
    assert [step["calls"] for step in days["steps"][-2:]] in ([12, 5], [17, 0], [0, 5])
    assert sum(step["calls"] for step in days["steps"]) == 17
    hours = (await api.get(path, params={"step": "hour"})).json()
    assert (sum(step["calls"] for step in hours["steps"]), sum(s["failed"] for s in hours["steps"])) == (17, 2)
    empty = [step for step in hours["steps"] if not step["calls"]]
    assert {(step["p95_us"], step["availability_bp"]) for step in empty} == {(None, None)}
    long = {"step": "hour", "since": (market.clock.now() - timedelta(days=60)).isoformat()}
    answer = await api.get(path, params=long)
    assert (answer.status_code, answer.json()["code"]) == (422, "series_too_long")
    assert (await api.get("/api/services/acme/nothing/measured")).status_code == 404
    assert (await api.get(path, params={"since": "2026-01-01T00:00:00"})).status_code == 422, "in which zone?"
    for odd in ({"until": "0001-01-01T00:00:00Z"}, {"until": "9999-12-31T23:59:59Z", "step": "hour"}):
        assert (await api.get(path, params=odd)).status_code in (200, 422)
    assert (await api.get("/api/vendors/%00")).status_code == 422


async def test_rankings_say_their_rule_and_leave_thin_samples_out(api: httpx.AsyncClient, market: Market) -> None:
    vendor, first = await acme(market)
    second = await market.customer(*await market.list_service(vendor, "second"))
    thin = await market.customer(*await market.list_service(vendor, "thin"))
    await write_rows(market, first.service, second.service, thin.service)
    await calls(market, first, good=150, duration_us=900_000)
    await calls(market, second, good=150, duration_us=20_000)
    await calls(market, thin, good=9, duration_us=1_000)
    await measure(market)
    use = (await api.get("/api/rankings")).json()
    # Equals share a place, in any order.
    assert sorted((one["listing"]["name"], one["place"], one["value"]) for one in use["items"]) == [
        ("acme/embedder", 1, 150), ("acme/second", 1, 150), ("acme/thin", 3, 9),
    ]  # fmt: skip
    speed = (await api.get("/api/rankings", params={"by": "speed"})).json()
    assert [one["listing"]["name"] for one in speed["items"]] == ["acme/second", "acme/embedder"]
    assert "fewer than 100 calls" in speed["sample"]
    growth = (await api.get("/api/rankings", params={"by": "growth"})).json()
    assert {one["sample"] for one in growth["items"]} == {1}
    assert (await api.get("/api/rankings", params={"by": "bribes"})).status_code == 422
