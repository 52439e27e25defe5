"""Who may call: keys, expiry, scopes, revocation, and what happens while the control plane is away."""

import asyncio
import os
import time
from collections import Counter
from typing import Any

import httpx
import pytest

from mercato_contracts import ids
from mercato_contracts.keys import make_key, parse_key
from tests.fakes.control_plane import ControlPlane, new_id
from tests.fakes.gateway_process import GatewayProcess, MakeShop, Shop, StartGateway
from tests.fakes.marketplace import a_limit
from tests.fakes.upstream import Upstream
from tests.gateway.expected import expect
from tests.support.waiting import until


async def call(client: httpx.AsyncClient, shop: Shop, **headers: str) -> httpx.Response:
    return await client.post("/v1/embeddings", json=shop.body(), headers=headers)


async def test_answers_with_the_upstreams_body_and_never_sends_the_key_on(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, control: ControlPlane
) -> None:
    place = shop(plan={"per_call_nanos": 5, "per_1k_input_nanos": 1000})
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        answer = await call(client, place, **{"x-api-key": place.key, "cookie": "session=1"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["usage"]["prompt_tokens"] == 7
    assert answer.headers["x-request-id"].startswith("req_")
    assert int(answer.headers["x-mercato-overhead-us"]) > 0
    sent = upstream.received[0]
    assert sent.target == "/v1/embeddings"
    assert sent.json == {"model": "e5", "input": "turn this into a vector"}
    assert place.key not in str(sent.headers)
    assert sent.header("cookie") is None
    event = (await until(lambda: list(control.events.values())))[0]
    expect(event, tokens_in=7, price_nanos=5 + 7, source="provider", status=200)
    assert event.request_id == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "key_missing"),
        ("ck_nonsense", "key_malformed"),
        (make_key("ck", new_id("key"), os.urandom(32))[:-1] + "!", "key_malformed"),
        (make_key("ck", new_id("key"), os.urandom(32)), "key_invalid"),
    ],
    ids=["none", "nonsense", "typo", "unknown"],
)
async def test_refuses_a_key_that_is_none(gateway: GatewayProcess, control: ControlPlane, key: str, code: str) -> None:
    async with gateway.client(key) as client:
        answer = await client.post("/v1/embeddings", json={"model": "acme/embedder"})
        again = await client.post("/v1/embeddings", json={"model": "acme/embedder"})
    assert answer.status_code == again.status_code == 401
    assert answer.json()["error"]["code"] == code
    assert control.introspections == (1 if code == "key_invalid" else 0)
    assert "www-authenticate" in answer.headers


async def test_refuses_an_expired_key_and_one_without_the_scope(shop: MakeShop, start_gateway: StartGateway) -> None:
    unscoped = shop(name="acme/other", key={"scopes": ["read"]})
    gateway = await start_gateway()
    soon = shop(key={"expires_at_ms": int(time.time() * 1000) + 4000})
    async with gateway.client(soon.key) as client:

        async def answered() -> bool:
            return (await call(client, soon)).status_code == 200

        await until(answered)

        async def expired() -> bool:
            answer = await call(client, soon)
            return answer.status_code == 401 and answer.json()["error"]["code"] == "key_expired"

        await until(expired)
        answer = await call(client, unscoped, authorization=f"Bearer {unscoped.key}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "scope_missing")


async def test_a_revoked_key_is_refused_long_before_the_cache_forgets_it(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    place = shop()
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        assert (await call(client, place)).status_code == 200
        control.revoke(place.key)

        async def refused() -> bool:
            return (await call(client, place)).status_code == 401

        await until(refused, seconds=30)  # the cache alone would keep it for 60


async def test_an_introspection_under_way_when_its_key_is_revoked_is_not_believed(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    place = shop()
    gateway = await start_gateway()
    control.introspect_gate.clear()
    async with gateway.client(place.key) as client:
        waiting = asyncio.create_task(call(client, place))
        await until(lambda: control.introspections == 1)
        control.revoke(place.key)
        await asyncio.sleep(0.3)  # the invalidation overtakes the answer that is held back
        control.introspect_gate.set()
        assert (await waiting).status_code == 401
    assert control.introspections == 2


async def test_a_hundred_first_calls_ask_for_the_key_once(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    place = shop()
    gateway = await start_gateway()
    async with gateway.client(place.key, limits=httpx.Limits(max_connections=100)) as client:
        answers = await asyncio.gather(*(call(client, place) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert control.introspections == 1


async def test_without_the_control_plane_known_keys_serve_and_unknown_ones_are_refused_clearly(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    place, stranger = shop(), shop(name="acme/other")
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        assert (await call(client, place)).status_code == 200
        await control.stop()
        for _ in range(5):
            assert (await call(client, place)).status_code == 200
        answer = await call(client, stranger, authorization=f"Bearer {stranger.key}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "control_plane_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        await control.start()

        async def served() -> bool:
            return (await call(client, stranger, authorization=f"Bearer {stranger.key}")).status_code == 200

        await until(served)
        await until(lambda: len(control.events) >= 7)
    assert control.known_again == 0


async def test_keys_never_stand_in_the_log(shop: MakeShop, start_gateway: StartGateway, control: ControlPlane) -> None:
    place = shop()
    gateway = await start_gateway()
    await control.stop()
    async with gateway.client(place.key) as client:
        await call(client, place)
        await client.get(f"/v1/{place.key}")
    assert place.key not in str(gateway.log)


async def test_the_three_places_of_a_key(shop: MakeShop, gateway: GatewayProcess, upstream: Upstream) -> None:
    place = shop()
    await until(lambda: _routes(gateway))
    async with gateway.client() as client:
        for headers in ({"x-api-key": place.key}, {"x-mercato-key": place.key, "authorization": "Bearer sk-other"}):
            assert (await call(client, place, **headers)).status_code == 200
    assert upstream.received[0].header("x-api-key") is None
    assert upstream.received[1].header("authorization") == "Bearer sk-other"


async def _routes(gateway: GatewayProcess) -> Any:
    return await gateway.metric("mercato_gateway_services")


async def test_keys_of_one_organisation_share_its_limits_and_nothing_of_their_own(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    """Keys that may do the same share what is compiled of it; each is metered, limited and revoked by itself."""
    quota = a_limit("subscription", "requests", "month", 9)
    place = shop(limits=[quota])
    first = control.grants[place.key]
    second = control.put_key(first)
    narrow = control.put_key(first.model_copy(update={"limits": [a_limit("key", "requests", "month", 1)]}))
    stranger = control.put_key(first.model_copy(update={"consumer_id": new_id(ids.ORGANISATION)}))
    gateway = await start_gateway()
    async with gateway.client("") as client:

        async def status(key: str) -> int:
            return (await call(client, place, authorization=f"Bearer {key}")).status_code

        assert [await status(key) for key in (place.key, second, narrow, stranger) * 2] == [200] * 6 + [429] + [200]
        control.revoke(second)

        async def refused() -> bool:
            return await status(second) == 401

        await until(refused)
        assert [await status(place.key), await status(stranger)] == [200, 200]
        assert await status(place.key) == 429
    await until(lambda: control.spent(quota.scope) == 9)
    counted = Counter((event.consumer_id, event.key_id) for event in control.events.values())
    answered = {key: counted[(grant.consumer_id, grant.key_id)] for key, grant in control.grants.items()}
    assert answered == {place.key: 3, narrow: 1, stranger: 3}
    assert counted[(first.consumer_id, parse_key(second).key_id)] == 2
