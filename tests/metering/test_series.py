"""Series over HTTP: every sum, in every zone and by every group, is that of the events and of the ledger."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import text

from mercato.billing import Adjusting, Wanted
from mercato.metering import DayRows
from mercato.metering.steps import QUARTER, floor_quarter
from mercato_contracts.dataplane import UsageEvent
from mercato_contracts.pricing import is_owed
from tests.metering.test_usage_api import sign_in
from tests.support.market import Customer, Market

ZONES = ("UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Chatham")
STEPS = ("15m", "hour", "day", "week", "month")


async def shop(market: Market) -> tuple[Any, list[Customer]]:
    """Two services of one vendor, and two customers of each."""
    vendor = await market.people.join("acme")
    customers = []
    for name in ("embedder", "reader"):
        service, plan = await market.list_service(vendor, name)
        customers += [await market.customer(service, plan) for _ in range(2)]
    return vendor, customers


def random_events(
    market: Market, customers: list[Customer], draw: random.Random, count: int, days: int = 40
) -> list[UsageEvent]:
    now = market.clock.now()
    events = []
    for _ in range(count):
        status = draw.choice([200, 200, 200, 404, 500, 503])
        tokens = {"tokens_in": 1_000, "tokens_out": 1_000, "tokens_cached": 5} if is_owed(status) else {}
        event = market.event(
            draw.choice(customers),
            at=now - timedelta(seconds=draw.randrange(days * 86_400)),
            status=status, **{name: draw.randrange(most) for name, most in tokens.items()},
            bytes_in=draw.randrange(10**6), bytes_out=draw.randrange(10**6), duration_us=draw.randrange(10**7),
            release_id=draw.choice(["rel_1", "rel_2"]), operation=draw.choice(["POST /a", "POST /b", "=cmd()"]),
        )  # fmt: skip
        events.append(event)
    return events


async def make_days(market: Market) -> None:
    """All that the worker does over its next minutes."""
    while True:
        async with market.database.transaction() as session:
            if not await DayRows(session, market.clock).make_due():
                return


async def series(api: httpx.AsyncClient, headers: dict[str, str], **params: Any) -> dict[str, Any]:
    answer = await api.get("/api/usage/series", params=params, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def adjust(market: Market, operator: Any, customers: list[Customer], events: list[UsageEvent]) -> int:
    """One call and some days are credited; how much in all."""
    paid = next(event for event in events if event.price_nanos)
    customer = next(one for one in customers if one.subscription.id == paid.subscription_id)
    day = datetime.fromtimestamp(int(paid.id[-32:-20], 16) / 1000, UTC).date()
    async with market.database.transaction() as session:
        desk = Adjusting(session, market.clock, market.ids, market.outbox)
        one = await desk.adjust(
            operator, Wanted(reference="a", direction="credit", reason="slow", nanos=400_000, event_id=paid.id)
        )
        two = await desk.adjust(
            operator,
            Wanted(
                reference="b", direction="credit", reason="outage", nanos=100_000,
                subscription_id=customer.subscription.id, since=day, until=day + timedelta(days=1),
            ),
        )  # fmt: skip
    return one.nanos + two.nanos


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_series_sums_to_the_events_and_the_ledger(
    api: httpx.AsyncClient, market: Market, seed: int
) -> None:
    draw = random.Random(seed)
    _, customers = await shop(market)
    # Few days hold many calls, so that some levels of day rows are made and others are not.
    events = random_events(market, customers, draw, 60) + random_events(market, customers, draw, 60, days=3)
    await asyncio.gather(*(market.take(events[place : place + 30]) for place in range(0, 120, 30)))
    await make_days(market)
    late = random_events(market, customers, draw, 20)
    await market.take(late)
    adjusted = await adjust(market, await market.operator(), customers, events)
    headers = await sign_in(api, await market.operator())
    counted = events + late
    charged = sum(event.price_nanos for event in counted) + adjusted
    async with market.database.transaction() as session:
        owed = await session.scalar(
            text("SELECT sum(amount_nanos) FROM postings JOIN accounts ON accounts.id = account_id"
                 " WHERE kind = 'consumer'")
        )  # fmt: skip
    assert owed == charged
    metrics = ["calls", "failed", "tokens_in", "tokens_out", "bytes_out", "duration_us", "charged_nanos"]
    expected = {
        "calls": len(counted), "failed": sum(event.status >= 500 for event in counted), "charged_nanos": charged,
        **{name: sum(getattr(event, name) for event in counted) for name in metrics[2:6]},
    }  # fmt: skip
    groups = ["service", "release", "operation", "subscription", "consumer", "vendor", "status", "protocol"]
    period = {"since": "2026-09-01T00:00:00Z", "until": "2026-11-03T00:00:00Z", "side": "marketplace"}
    for made in (False, True):
        if made:
            await make_days(market)
        for zone in ZONES:
            by = draw.sample(groups, 2)
            step = draw.choice(STEPS[2:])
            found = await series(
                api, headers, zone=zone, step=step, metric=metrics, group_by=by, top=100, compare=True, **period
            )
            (total,) = found["totals"]
            assert total["total"] == expected, (zone, step, by)
            assert {name: sum(values) for name, values in total["values"].items()} == expected
            for name in metrics:
                columns = zip(*(line["values"][name] for line in found["series"]), strict=True)
                assert [sum(column) for column in columns] == total["values"][name], (zone, step, by, name)
        for group in groups:
            found = await series(api, headers, group_by=group, metric=metrics, top=100, **period)
            for name in metrics:
                assert sum(line["total"][name] for line in found["series"]) == expected[name]


@pytest.mark.parametrize("zone", ZONES)
async def test_a_day_is_a_day_as_people_there_count_it(api: httpx.AsyncClient, market: Market, zone: str) -> None:
    draw = random.Random(zone)
    _, customers = await shop(market)
    events = random_events(market, customers[:1], draw, 80)
    await market.take(events)
    await make_days(market)
    headers = await sign_in(api, customers[0].caller)
    found = await series(
        api, headers, zone=zone, since="2026-09-20T00:00:00Z", until="2026-11-03T00:00:00Z", metric=["calls", "p95_us"]
    )
    there = ZoneInfo(zone)
    counted = Counter(
        datetime.fromtimestamp(int(event.id[-32:-20], 16) / 1000, there).date().isoformat() for event in events
    )
    (total,) = found["totals"]
    shown = {
        datetime.fromisoformat(start).astimezone(there).date().isoformat(): calls
        for start, calls in zip(found["steps"], total["values"]["calls"], strict=True)
        if calls
    }
    assert shown == counted
    assert total["total"]["p95_us"] >= sorted(event.duration_us for event in events)[70] * 0.8


async def test_each_side_sees_its_own_and_a_rotated_key_is_one_line(api: httpx.AsyncClient, market: Market) -> None:
    vendor, customers = await shop(market)
    await market.take([market.event(customers[0]) for _ in range(7)] + [market.event(customers[1]) for _ in range(5)])
    mine = await series(api, await sign_in(api, customers[0].caller), group_by=["key", "service"])
    assert [(line["keys"], line["names"], line["total"]["calls"]) for line in mine["series"]] == [
        ([customers[0].key.row.id, customers[0].service.id], ["test", "acme/embedder"], 7)
    ]
    headers = await sign_in(api, vendor)
    theirs = await series(
        api, headers, side="vendor", group_by="consumer", consumer_id=customers[1].caller.organisation_id
    )
    assert [line["total"]["calls"] for line in theirs["series"]] == [5]
    assert customers[0].key.row.id not in str(theirs)
    for params, code in (
        ({"side": "vendor", "group_by": "key"}, "usage_group_refused"),
        ({"side": "vendor", "key_id": customers[0].key.row.id}, "usage_filter_refused"),
        ({"group_by": ["key", "key"]}, "usage_group_refused"),
        ({"zone": "Mars/Olympus"}, "zone_unknown"),
        ({"zone": "../../etc/passwd"}, "zone_unknown"),
        ({"zone": ""}, "zone_unknown"),
        ({"since": "2026-11-01T00:00:00Z", "until": "2026-10-01T00:00:00Z"}, "period_refused"),
        ({"since": "1026-11-01T00:00:00Z"}, "period_refused"),
        ({"since": "2026-01-01T00:00:00Z", "until": "2026-12-01T00:00:00Z", "step": "15m"}, "series_too_long"),
        ({"since": "2026-11-01T00:00:00"}, "malformed_request"),
        ({"metric": "profit"}, "malformed_request"),
        ({"group_by": ["service", "key", "vendor"]}, "malformed_request"),
    ):
        refused = await api.get("/api/usage/series", params=params, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (422, code), params
    refused = await api.get("/api/usage/series", params={"side": "marketplace"}, headers=headers)
    assert refused.status_code == 403


async def test_a_period_is_shown_beside_the_one_before_and_with_what_it_will_come_to(
    api: httpx.AsyncClient, market: Market
) -> None:
    _, customers = await shop(market)
    now = market.clock.now()
    # Ten calls each day at noon, for five weeks.
    noons = [now.replace(hour=12, minute=0, second=0) - timedelta(days=back) for back in range(1, 36)]
    await market.take([market.event(customers[0], at=at) for at in noons for _ in range(10)])
    await make_days(market)
    headers = await sign_in(api, customers[0].caller)
    since = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    found = await series(
        api, headers, since=since.isoformat(), until=(since + timedelta(days=7)).isoformat(), compare=True,
        forecast=True, metric="calls",
    )  # fmt: skip
    (total,) = found["totals"]
    assert total["values"]["calls"][:2] == [10, 10]
    assert total["before"]["calls"] == [10] * 7
    (forecast,) = found["forecast"]
    left = sum(1 for ahead in range(5) if since + timedelta(days=2 + ahead, hours=12) > now)
    assert (forecast["method"], forecast["weeks"], forecast["so_far"]["calls"]) == ("same_weekdays", 4, 20)
    assert forecast["expected"]["calls"] == forecast["low"]["calls"] == forecast["high"]["calls"] == 20 + 10 * left


async def test_a_young_service_of_an_old_organisation_is_forecast_by_its_own_days(
    api: httpx.AsyncClient, market: Market
) -> None:
    _, customers = await shop(market)
    old, young = customers[0], customers[2]
    now = market.clock.now()
    noon = now.replace(hour=12, minute=0, second=0, microsecond=0)
    await market.take([market.event(old, at=noon - timedelta(days=back)) for back in range(1, 36)])
    begins = noon - timedelta(days=3)
    calls = [begins, noon - timedelta(days=2), noon - timedelta(days=1)]
    await market.take([market.event(young, at=at) for at in calls for _ in range(100)])
    await make_days(market)
    headers = await sign_in(api, await market.operator())
    since, until = noon - timedelta(days=3, hours=12), noon + timedelta(days=6, hours=12)
    period = {"since": since.isoformat(), "until": until.isoformat(), "side": "marketplace", "metric": "calls"}
    found = await series(api, headers, **period, service_id=young.service.id, forecast=True)
    (forecast,) = found["forecast"]
    seen = floor_quarter(now) + QUARTER
    rate = 300 * ((until - seen) // QUARTER) // ((seen - begins) // QUARTER)
    assert (forecast["method"], forecast["weeks"], forecast["so_far"]["calls"]) == ("run_rate", 0, 300)
    assert forecast["expected"]["calls"] == 300 + rate > 800
    (whole,) = (await series(api, headers, **period, forecast=True))["forecast"]
    assert (whole["method"], whole["weeks"]) == ("same_weekdays", 4)
