"""A gateway whose machine's clock is wrong goes by the marketplace's: leases, keys and dates of calls."""

from typing import Any

import pytest

from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, MakeShop, Shop, StartGateway
from tests.fakes.marketplace import a_limit
from tests.support.waiting import until

HOUR_MS = 3_600_000
AHEAD = [HOUR_MS, -HOUR_MS, 40 * 24 * HOUR_MS]


async def call(gateway: GatewayProcess, shop: Shop) -> Any:
    async with gateway.client(shop.key) as client:
        return await client.post("/v1/embeddings", json=shop.body())


@pytest.mark.parametrize("ahead", AHEAD)
async def test_limits_hold_and_calls_are_dated_by_the_marketplaces_time(
    control: ControlPlane, start_gateway: StartGateway, shop: MakeShop, ahead: int
) -> None:
    control.ahead_ms = ahead
    limited = shop(limits=[a_limit("subscription", "requests", "day", 3)])
    gateway = await start_gateway()
    statuses = [(await call(gateway, limited)).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    await until(lambda: len(control.events) == 3)
    for event in control.events.values():
        assert abs(dated_ms(event.id) - control.now_ms()) < 600_000
    assert round(await gateway.metric("mercato_gateway_clock_ahead_seconds") / 60) == -ahead // 60_000
    assert len(gateway.events("clock_is_wrong")) == 1


@pytest.mark.parametrize("ahead", AHEAD)
async def test_keys_expire_by_the_marketplaces_time(
    control: ControlPlane, start_gateway: StartGateway, shop: MakeShop, ahead: int
) -> None:
    control.ahead_ms = ahead
    lives = shop(name="acme/lives", key={"expires_at_ms": control.now_ms() + HOUR_MS // 2})
    expired = shop(name="acme/expired", key={"expires_at_ms": control.now_ms() - HOUR_MS // 2})
    gateway = await start_gateway()
    assert (await call(gateway, lives)).status_code == 200
    refused = await call(gateway, expired)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "key_expired")


async def test_a_clock_that_is_set_is_used_again(
    control: ControlPlane, start_gateway: StartGateway, shop: MakeShop
) -> None:
    control.ahead_ms = HOUR_MS
    limited = shop(limits=[a_limit("subscription", "requests", "day", 100)])
    gateway = await start_gateway()
    assert (await call(gateway, limited)).status_code == 200
    control.ahead_ms = 0
    await until(lambda: bool(gateway.events("clock_is_right_again")))
    assert (await call(gateway, limited)).status_code == 200
    await until(lambda: len(control.events) == 2)
    first, second = sorted(dated_ms(event_id) for event_id in control.events)
    assert abs(first - control.now_ms()) < 600_000
    assert second - first > HOUR_MS // 2
    assert await gateway.metric("mercato_gateway_clock_ahead_seconds") == 0


def dated_ms(event_id: str) -> int:
    """The time in a UUIDv7, milliseconds since 1970."""
    return int(event_id.partition("_")[2][:12], 16)
