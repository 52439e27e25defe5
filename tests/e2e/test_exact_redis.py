"""Redis counts what is lent; it forgets everything or is killed in the middle of a burst, and no cap is passed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.e2e.calls import Call, all_at_once, assert_each_metered_once, greeting
from tests.e2e.conftest import PER_CALL, new_member, new_vendor
from tests.e2e.marketplace import Marketplace
from tests.e2e.parties import greeting_offer
from tests.e2e.test_exact import PRICE, kinds, two_gateways
from tests.support.redis_server import RedisServer
from tests.support.running import open_folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed: scripts/debian redis-server")
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def redis_marketplace(redis_server: RedisServer) -> Iterator[Marketplace]:
    """A marketplace of its own, as all control planes of one count with the same adapter."""
    with open_folder() as folder:
        marketplace = Marketplace(Path(folder), redis_url=redis_server.url)
        try:
            marketplace.start()
            yield marketplace
        finally:
            marketplace.stop()


@pytest.mark.parametrize("trouble", ["none", "flushed", "restarted"])
async def test_a_budget_for_100_of_1000_calls_at_once_is_never_passed(
    redis_marketplace: Marketplace, redis_server: RedisServer, trouble: str
) -> None:
    marketplace = redis_marketplace
    service = new_vendor(marketplace).publish(greeting_offer("greeter", marketplace.vendor_url, [PER_CALL]))
    consumer = new_member(marketplace, "consumer")
    consumer.subscribe(service, "per-call")
    consumer.set_budget("nanos", "month", 100 * PRICE)
    key, ask = consumer.make_key().key, greeting(service)
    answered = 0

    def trouble_redis(seen: Call) -> None:
        nonlocal answered
        answered += seen.answered
        if not seen.answered or answered % 30:
            return
        if trouble == "flushed":
            with redis.Redis.from_url(redis_server.url) as client:
                client.flushall()
        elif trouble == "restarted":
            redis_server.kill()
            redis_server.start()

    with two_gateways(marketplace, f"redis-{trouble}") as (first, second):
        asks = [(gateway.url, ask) for gateway in (first, second) * 500]
        calls = await all_at_once(asks, key, after_each=trouble_redis)
        print(f"{trouble}: {kinds(calls)}")
        assert set(kinds(calls)) <= {"200", "429 budget_exceeded", "503 limits_unavailable"}
        if trouble == "none":
            assert kinds(calls) == {"200": 100, "429 budget_exceeded": 900}
        for _ in range(60):
            if consumer.budget("consumer:") == {"used": 100 * PRICE, "held": 0, "left": 0}:
                break
            calls += await all_at_once(asks[:40], key, after_each=trouble_redis)
        assert sum(each.answered for each in calls) == 100
        assert consumer.budget("consumer:") == {"used": 100 * PRICE, "held": 0, "left": 0}
        assert_each_metered_once(consumer, calls)
