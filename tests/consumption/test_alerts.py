"""Alerts go on and off by the workbook's arithmetic, once each, whoever watches and however many do."""

import asyncio
from datetime import timedelta
from fractions import Fraction
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import text

from mercato.consumption import MeasureServices, WatchLevels
from mercato.consumption.burn import RULES, Counted, Rule, judge
from mercato.discovery.figure_rows import FigureRepository
from mercato.identity import Caller
from mercato_contracts.manifest import ServiceLevelPromise
from tests.support.market import Customer, Market

MINUTE = timedelta(minutes=1)


async def acme(market: Market, **promise: int) -> tuple[Caller, Customer]:
    vendor = await market.people.join("acme")
    service, plan = await market.list_service(vendor, **promise)  # type: ignore[arg-type]
    return vendor, await market.customer(service, plan)


async def calls(market: Market, of: Customer, good: int, bad: int = 0, *, ago: timedelta = MINUTE, **more: Any) -> None:
    at = market.clock.now() - ago
    await market.take([market.event(of, at=at, **more) for _ in range(good)])
    await market.take([market.event(of, at=at, status=503) for _ in range(bad)])


async def watch(market: Market) -> int:
    async with market.database.transaction() as session:
        return await WatchLevels(session, market.clock, market.ids, market.outbox).watch()


async def alerts(market: Market) -> list[tuple[str, str, bool]]:
    async with market.database.transaction() as session:
        rows = await session.execute(
            text("SELECT objective, severity, resolved_at IS NULL FROM service_alerts ORDER BY id, severity")
        )
        return [(row[0], row[1], row[2]) for row in rows]


async def news(market: Market) -> list[str]:
    async with market.database.transaction() as session:
        rows = await session.scalars(
            text("SELECT topic || ' ' || (payload->>'severity') FROM outbox_events WHERE topic LIKE 'sla.%'")
        )
        return list(rows)


async def test_a_fast_burn_opens_once_though_many_watch_and_resolves_once(market: Market) -> None:
    _, customer = await acme(market, availability_bp=9_990)
    await calls(market, customer, good=980, bad=20)  # 2 %: twenty times too fast
    assert sum(await asyncio.gather(*(watch(market) for _ in range(6)))) == 2
    assert await watch(market) == 0
    assert sorted(await alerts(market)) == [("availability", "fast", True), ("availability", "slow", True)]
    market.clock.advance(timedelta(minutes=20))
    assert await watch(market) == 0, "no calls at all are no sign that it is over"
    await calls(market, customer, good=50)
    assert sum(await asyncio.gather(*(watch(market) for _ in range(6)))) == 1
    market.clock.advance(timedelta(minutes=31))
    await calls(market, customer, good=50)
    assert await watch(market) == 1
    assert [on for _, _, on in await alerts(market)] == [False, False]
    assert sorted(await news(market)) == [
        "sla.alert_opened fast", "sla.alert_opened slow", "sla.alert_resolved fast", "sla.alert_resolved slow",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("good", "bad", "ago", "on"),
    [
        (986, 14, 1, ["slow"]),  # 14 times: under the fast rule, over the slow one
        (995, 5, 1, []),  # 5 times
        (994, 6, 1, []),  # exactly 6 times is not more
        (980, 20, 10, ["slow"]),  # the five minutes are clean again, the thirty are not
        (980, 20, 40, []),
        (0, 4, 1, []),  # too few to tell
    ],
)
async def test_both_windows_must_burn(market: Market, good: int, bad: int, ago: int, on: list[str]) -> None:
    _, customer = await acme(market, availability_bp=9_990)
    await calls(market, customer, good, bad, ago=ago * MINUTE)
    if ago > 5:
        await calls(market, customer, good=1)
    await watch(market)
    assert [severity for _, severity, _ in await alerts(market)] == on


async def test_a_slow_service_burns_its_latency_budget(market: Market) -> None:
    _, customer = await acme(market, p95_latency_ms=100)
    await calls(market, customer, good=60, duration_us=90_000, overhead_us=0)
    await calls(market, customer, good=40, duration_us=900_000, overhead_us=0)
    await watch(market)
    assert await alerts(market) == [("latency", "slow", True)]


async def test_what_promises_nothing_and_what_is_not_the_vendors_fault_alert_nobody(market: Market) -> None:
    vendor, customer = await acme(market)
    await calls(market, customer, good=0, bad=100)
    service, plan = await market.list_service(vendor, "strict", availability_bp=9_990, p95_latency_ms=100)
    other = await market.customer(service, plan)
    await calls(market, other, good=100, status=429)
    await calls(market, other, good=100, status=404)
    assert await watch(market) == 0


async def test_a_promise_withdrawn_ends_its_alert(market: Market) -> None:
    _, customer = await acme(market, availability_bp=9_990)
    await calls(market, customer, good=0, bad=100)
    assert await watch(market) == 2
    async with market.database.transaction() as session:
        await session.execute(text("UPDATE services SET availability_bp = NULL"))
    assert await watch(market) == 2
    assert not any(on for _, _, on in await alerts(market))


COUNTED = st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)).map(lambda t: Counted(max(t), min(t)))


@given(st.sampled_from(RULES), COUNTED, COUNTED, st.integers(1, 500))
def test_whole_numbers_say_what_fractions_say(rule: Rule, long: Counted, short: Counted, budget_bp: int) -> None:
    def burns(counted: Counted) -> bool:
        if not counted.calls:
            return False
        return Fraction(counted.bad, counted.calls) > Fraction(rule.tenths, 10) * Fraction(budget_bp, 10_000)

    on = judge(rule, {rule.long: long, rule.short: short}, budget_bp, is_on=False)
    assert on == (burns(long) and burns(short) and long.bad >= 5)
    if on:
        assert judge(rule, {rule.long: long, rule.short: short}, budget_bp, is_on=True)


@pytest.mark.parametrize("promise", [{"availability_bp": 10_000}, {"availability_bp": 9_499}, {"availability_bp": 99.9},
                                     {"p95_latency_ms": 0}, {"p95_latency_ms": 600_001}, {"uptime": 1}])  # fmt: skip
def test_a_promise_that_nobody_can_measure_is_refused(promise: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ServiceLevelPromise.model_validate(promise)


async def sign_in(api: httpx.AsyncClient, caller: Caller) -> dict[str, str]:
    body = {"email": f"{caller.organisation_slug}@example.org", "password": "correct horse battery"}
    return {"Authorization": f"Bearer {(await api.post('/api/sessions', json=body)).json()['access_token']}"}


async def test_the_vendor_sees_windows_budget_and_alerts_and_others_no_counts(
    api: httpx.AsyncClient, market: Market
) -> None:
    vendor, customer = await acme(market, availability_bp=9_900, p95_latency_ms=100)
    await calls(market, customer, good=98, duration_us=50_000)
    await calls(market, customer, good=100, duration_us=50_000, ago=timedelta(hours=3))
    await calls(market, customer, good=0, bad=40)
    await watch(market)
    path = "/api/services/acme/embedder/sla"
    level = (await api.get(path, headers=await sign_in(api, vendor))).json()
    windows = {window["window"]: window for window in level["windows"]}
    assert [windows[label]["calls"] for label in ("5m", "1h", "6h", "1d", "30d")] == [138, 138, 238, 238, 238]
    assert windows["30d"]["availability_bp"] == 198 * 10_000 // 238
    assert 42_000 <= windows["30d"]["p95_us"] <= 60_000
    # 238 calls allow 2.38 failures; there were 40.
    assert level["budget_left_bp"] == (238 * 100 - 40 * 10_000) * 10_000 // (238 * 100)
    assert sorted(alert["severity"] for alert in level["alerts"]) == ["fast", "slow"]
    theirs = (await api.get(path, headers=await sign_in(api, customer.caller))).json()
    assert theirs["alerts"] == []
    assert {(window["calls"], window["failed"]) for window in theirs["windows"]} == {(None, None)}
    assert theirs["windows"][4]["availability_bp"] == windows["30d"]["availability_bp"]
    assert (await api.get(path)).status_code == 401
    listed = (await api.get("/api/alerts", params={"limit": 1}, headers=await sign_in(api, vendor))).json()
    assert (len(listed["items"]), listed["items"][0]["bad"]) == (1, 40)
    more = await api.get("/api/alerts", params={"before": listed["next"]}, headers=await sign_in(api, vendor))
    assert len(more.json()["items"]) == 1
    mine = await sign_in(api, customer.caller)
    assert (await api.get("/api/alerts", headers=mine)).json()["items"] == []
    assert (await api.get("/api/alerts", params={"everyone": True}, headers=mine)).status_code == 403


async def test_search_may_ask_whether_promises_are_kept(market: Market) -> None:
    vendor, kept = await acme(market, availability_bp=9_900, p95_latency_ms=100)
    broken = await market.customer(*await market.list_service(vendor, "slow", p95_latency_ms=10))
    silent = await market.customer(*await market.list_service(vendor, "silent"))
    unused = await market.list_service(vendor, "unused", availability_bp=9_900)
    for each in (kept, broken, silent):
        await calls(market, each, good=100, duration_us=50_000)
    ids = [kept.service.id, broken.service.id, silent.service.id, unused[0].id, "svc_unknown"]
    async with market.database.transaction() as session:
        await MeasureServices(session, market.clock, market.outbox).measure(ids)
        found = await FigureRepository(session).find_many(ids)
    assert {key: one.is_met for key, one in found.items()} == {
        kept.service.id: True, broken.service.id: False, silent.service.id: None, unused[0].id: None,
    }  # fmt: skip
    assert found[kept.service.id].availability_bp == 10_000
