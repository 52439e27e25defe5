"""Caps are exact whoever counts: two gateways of two workers each, one of them killed, and every kind of scope."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.calls import Ask, Call, all_at_once, assert_each_metered_once, embeddings, greeting
from tests.e2e.conftest import Consumer, Join, Shop, new_vendor
from tests.e2e.marketplace import Gateway, Marketplace
from tests.e2e.parties import greeting_offer
from tests.e2e.processes import until

PRICE = 1_000_000  # nano-units: the 0.001 of PER_CALL
THREE_TOKENS = "abc abc abc "  # by the vendor's count of words, and by the gateway's estimate of a token for four bytes


@contextmanager
def two_gateways(marketplace: Marketplace, name: str) -> Iterator[tuple[Gateway, Gateway]]:
    """Of two workers each."""
    with (
        marketplace.another_gateway(f"{name}-1", workers=2) as first,
        marketplace.another_gateway(f"{name}-2", workers=2) as second,
    ):
        first.begin()
        second.begin()
        first.wait_until_ready()
        second.wait_until_ready()
        yield first, second


@pytest.fixture(scope="module")
def gateways(whole_marketplace: Marketplace) -> Iterator[tuple[Gateway, Gateway]]:
    with two_gateways(whole_marketplace, "exact") as pair:
        yield pair


async def burst(gateways: tuple[Gateway, Gateway], key: str, ask: Ask, calls: int) -> list[Call]:
    return await all_at_once([(gateway.url, ask) for gateway in gateways * (calls // 2)], key)


def kinds(calls: list[Call]) -> dict[str, int]:
    return dict(Counter(f"{each.status} {each.code}".strip() for each in calls))


async def test_a_budget_for_exactly_100_of_1000_calls_at_once_gives_exactly_100_answers(
    shop: Shop, join: Join, gateways: tuple[Gateway, Gateway]
) -> None:
    consumer = join((shop.greeter, "per-call"))
    consumer.member.set_budget("nanos", "month", 100 * PRICE)
    calls = await burst(gateways, consumer.key, greeting(shop.greeter), 1000)
    assert kinds(calls) == {"200": 100, "429 budget_exceeded": 900}
    assert_each_metered_once(consumer.member, calls)
    until(lambda: consumer.member.budget("consumer:") == {"used": 100 * PRICE, "held": 0, "left": 0}, 60)


async def test_a_budget_of_a_key_is_exact_and_binds_that_key_alone(
    shop: Shop, join: Join, gateways: tuple[Gateway, Gateway]
) -> None:
    consumer, ask = join((shop.greeter, "per-call")), greeting(shop.greeter)
    consumer.member.set_budget("nanos", "month", 30 * PRICE, key_id=consumer.first.id)
    consumer.member.set_budget("nanos", "month", 50 * PRICE)
    first = await burst(gateways, consumer.key, ask, 120)
    assert kinds(first) == {"200": 30, "429 budget_exceeded": 90}
    second = await burst(gateways, consumer.member.make_key().key, ask, 120)
    assert kinds(second) == {"200": 20, "429 budget_exceeded": 100}, "what the first left of the organisation's"
    assert_each_metered_once(consumer.member, first + second)


@pytest.mark.parametrize(("unit", "cap"), [("requests", 40), ("tokens", 120)])
async def test_a_quota_of_requests_or_tokens_is_exact(
    shop: Shop, join: Join, gateways: tuple[Gateway, Gateway], unit: str, cap: int
) -> None:
    consumer = join((shop.embedder, "per-token"))
    consumer.member.set_budget(unit, "month", cap)
    calls = await burst(gateways, consumer.key, embeddings(shop.embedder, THREE_TOKENS), 160)
    assert kinds(calls) == {"200": 40, "429 quota_exceeded": 120}
    assert_each_metered_once(consumer.member, calls)
    assert consumer.member.get("/api/usage")["totals"][0]["tokens_in"] == 120


SHARED = {"name": "shared", "limits": [{"unit": "requests", "per": "day", "amount": 40, "across": "plan"}]}
FREE = {"name": "free"}


@pytest.mark.parametrize("kind", ["plan", "vendor", "deployment"])
async def test_what_all_consumers_share_is_exact(
    marketplace: Marketplace, join: Join, gateways: tuple[Gateway, Gateway], kind: str
) -> None:
    vendor = new_vendor(marketplace)
    offer = greeting_offer("shared", marketplace.vendor_url, [SHARED if kind == "plan" else FREE])
    if kind == "deployment":
        offer = greeting_offer(
            "shared", marketplace.vendor_url, [FREE], limits=[{"unit": "requests", "per": "day", "amount": 40}]
        )
    service = vendor.publish(offer)
    if kind == "vendor":
        vendor.set_budget("requests", "day", 40, side="vendor")
    plan = "shared" if kind == "plan" else "free"
    consumers = [join((service, plan)) for _ in range(2)]
    asks = [(gateway.url, greeting(service)) for gateway in gateways * 40]
    seen = await all_at_once_of(consumers, asks)
    assert kinds(seen) == {"200": 40, "429 quota_exceeded": 120}
    until(lambda: sum(consumer.member.count_usage() for consumer in consumers) == 40, 60)


async def all_at_once_of(consumers: list[Consumer], asks: list[tuple[str, Ask]]) -> list[Call]:
    """The same calls by each of the consumers, together."""
    seen = await asyncio.gather(*(all_at_once(asks, consumer.key) for consumer in consumers))
    return [each for calls in seen for each in calls]


async def test_a_gateway_killed_in_the_middle_passes_no_budget_and_its_next_life_gives_back_what_it_held(
    marketplace: Marketplace, shop: Shop, join: Join
) -> None:
    consumer, ask = join((shop.greeter, "per-call")), greeting(shop.greeter)
    consumer.member.set_budget("nanos", "month", 100 * PRICE)
    answered = 0
    with two_gateways(marketplace, "killed") as (first, second):

        def kill_at_40(seen: Call) -> None:
            nonlocal answered
            answered += seen.answered
            if answered == 40 and first.is_alive:
                first.kill()

        asks = [(gateway.url, ask) for gateway in (first, second) * 500]
        before = await all_at_once(asks, consumer.key, after_each=kill_at_40)
        assert not first.is_alive
        first.start()  # reads the spool of the life that was killed, then gives back what it held
        after: list[Call] = []

        async def used_up() -> bool:
            after.extend(await burst((first, second), consumer.key, ask, 40))
            return consumer.member.budget("consumer:") == {"used": 100 * PRICE, "held": 0, "left": 0}

        for _ in range(60):
            if await used_up():
                break
        calls = before + after
        cut_off = sum(each.code == "cut_off" for each in calls)
        answers = sum(each.answered for each in calls)
        budget = consumer.member.budget("consumer:")
        events = consumer.member.usage_events()
        seen = (
            f"killed after 40: {kinds(before)}, then {kinds(after)}; {budget}, {len(events)} events,"
            f" prices {Counter(event.price_nanos for event in events)}"
        )
        assert 100 - cut_off <= answers <= 100, seen
        assert budget == {"used": 100 * PRICE, "held": 0, "left": 0}, seen
        assert set(kinds(before)) <= {"200", "429 budget_exceeded", "0 cut_off", "0 not_sent"}
        assert_each_metered_once(consumer.member, calls)
        assert len(events) == 100, f"every unit went to a call, whether its answer arrived or not: {seen}"
