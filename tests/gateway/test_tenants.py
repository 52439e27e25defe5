"""Keys and tenants: guessed keys, subscriptions of others, two keys on one connection."""

import asyncio
import os
from collections import Counter
from typing import Any

import httpx
import pytest

from mercato_contracts.keys import make_key
from mercato_gateway.guesses import Guesses
from tests.fakes.control_plane import new_id
from tests.fakes.gateway_process import MakeShop, StartGateway
from tests.fakes.marketplace import a_subscriber, subscribe
from tests.gateway.conftest import Stage
from tests.gateway.test_http import exchange
from tests.support.waiting import until


async def test_guessed_keys_cost_the_control_plane_little_and_known_ones_go_on(
    shop: MakeShop, start_gateway: StartGateway
) -> None:
    place = shop()
    gateway = await start_gateway(unknown_keys_per_minute=30)
    guesses = [make_key("ck", new_id("key"), os.urandom(32)) for _ in range(300)]
    async with gateway.client(limits=httpx.Limits(max_connections=50)) as client:
        known = {"authorization": f"Bearer {place.key}"}
        assert (await client.post("/v1/embeddings", json=place.body(), headers=known)).status_code == 200
        answers = await asyncio.gather(
            *(client.get("/v1/models", headers={"authorization": f"Bearer {guess}"}) for guess in guesses)
        )
        codes = Counter(each.json()["error"]["code"] for each in answers)
        assert set(codes) == {"key_invalid", "too_many_unknown_keys"}
        # In half a second each more comes back at 30 a minute, whatever the machine does meanwhile.
        assert 30 <= codes["key_invalid"] <= 60
        late = next(each for each in answers if each.status_code == 429)
        assert int(late.headers["retry-after"]) >= 1
        assert gateway.control.introspections == codes["key_invalid"] + 1
        for _ in range(20):
            assert (await client.post("/v1/embeddings", json=place.body(), headers=known)).status_code == 200


def test_the_memory_of_guesses_is_bounded_and_forgets_what_came_back() -> None:
    guesses = Guesses(60)
    for number in range(50_000):
        assert guesses.take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1.0) == 0.0
    assert len(guesses._levels) == 20_000
    for _ in range(60):
        assert guesses.take("2001:db8::1", 2.0) == 0.0
    assert guesses.take("2001:db8::ffff", 2.0) == pytest.approx(1.0), "one network of a customer is one"
    guesses.give_back("2001:db8::1", 2.0)
    assert guesses.take("2001:db8::1", 2.0) == 0.0
    assert guesses.take("2001:db8::1", 10.0) == 0.0
    assert Guesses(0).take("10.0.0.1", 1.0) == 0.0


async def test_a_subscription_pays_for_its_own_organisation_only(stage: Stage) -> None:
    place = await stage.shop("embedder")
    other = a_subscriber(stage.control, subscribe(place.service))
    stranger = a_subscriber(stage.control)
    mine = {"x-mercato-subscription": place.subscription.id}
    async with stage.gateway.client() as client:

        async def call(key: str, **more: str) -> httpx.Response:
            return await client.post(
                "/v1/embeddings", json=place.body(), headers={"authorization": f"Bearer {key}", **more}
            )

        for _ in range(3):  # the second time everything that is cached is
            assert (await call(place.key, **mine)).status_code == 200
            assert (await call(other)).status_code == 200
            stolen = await call(other, **mine)
            assert (stolen.status_code, stolen.json()["error"]["code"]) == (403, "not_subscribed")
            assert (await call(stranger, **mine)).status_code == 403

    def payers() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for event in stage.control.events.values():
            if event.service_id == place.service.id:
                found.setdefault(event.subscription_id, set()).add(event.consumer_id)
        return found

    await until(lambda: len(payers()) == 2)
    assert payers()[place.subscription.id] == {stage.control.grants[place.key].consumer_id}


async def test_two_keys_on_one_connection_do_not_mix(stage: Stage) -> None:
    one, two = await stage.shop("embedder"), await stage.shop("embedder")
    async with stage.gateway.client() as client:
        for _ in range(5):
            for mine, other in ((one, two), (two, one)):
                headers = {"authorization": f"Bearer {mine.key}"}
                assert (await client.post("/v1/embeddings", json=mine.body(), headers=headers)).status_code == 200
                assert (await client.post("/v1/embeddings", json=other.body(), headers=headers)).status_code == 403
    subscriptions = {one.subscription.id: one, two.subscription.id: two}

    def events() -> list[Any]:
        return [event for event in stage.control.events.values() if event.subscription_id in subscriptions]

    await until(lambda: len(events()) == 10)
    for event in events():
        assert event.consumer_id == stage.control.grants[subscriptions[event.subscription_id].key].consumer_id


async def test_a_head_question_for_models_has_no_body(stage: Stage) -> None:
    place = await stage.shop("chat")
    asked = f"HEAD /v1/models HTTP/1.1\r\nhost: x\r\nx-mercato-key: {place.key}\r\n\r\n".encode()
    got = await exchange(stage.gateway, asked * 3, seconds=1)
    parts = got.split(b"\r\n\r\n")
    assert [part[:15] for part in parts] == [b"HTTP/1.1 200 OK"] * 3 + [b""]
