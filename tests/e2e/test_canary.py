"""A slow release begins as a canary; the worker is killed and started again, and judges it by what gateways metered."""

from collections import Counter
from typing import Any

import pytest

from tests.e2e.calls import Client, greeting
from tests.e2e.conftest import PER_CALL, Join, new_vendor
from tests.e2e.marketplace import Marketplace
from tests.e2e.parties import Offer, greeting_offer
from tests.e2e.processes import until

QUICK = {"percent": 50, "min_calls": 10, "min_minutes": 0}


@pytest.mark.slow
def test_a_slow_canary_is_rolled_back_by_a_worker_that_was_killed_meanwhile(
    marketplace: Marketplace, join: Join
) -> None:
    vendor = new_vendor(marketplace)
    url, plans = marketplace.vendor_url, [PER_CALL]
    service = vendor.publish(greeting_offer("tried", url, plans, word="one"))
    slow = greeting_offer("tried", url, plans, version="1.1.0", word="slow")
    vendor.publish(Offer({**slow.manifest, "canary": QUICK}, slow.document))
    client = Client(marketplace.gateway.url, join((service, "per-call")).key)
    client.until(greeting(f"{service}@canary"), lambda seen: seen.answered and seen.body["word"] == "slow", seconds=60)
    marketplace.worker.kill()
    words = Counter(client.call(greeting(service)).body["word"] for _ in range(40))
    assert words == {"one": 20, "slow": 20}

    def canary() -> Any:
        return vendor.get(f"/api/services/{service}/canaries")["items"][0]

    until(lambda: canary()["canary"]["calls"] >= 20, 60, what="the calls are metered")
    assert canary()["state"] == "running"
    marketplace.worker.start()
    until(lambda: canary()["state"] != "running", 90, every=0.2, what="a verdict")
    ended = canary()
    assert (ended["state"], ended["ended_by"]) == ("rolled_back", "rule")
    assert ended["canary"]["p95_us"] > ended["stable"]["p95_us"]
    client.until(greeting(f"{service}@canary"), lambda seen: seen.body["word"] == "one", seconds=60)
    assert {client.call(greeting(service)).body["word"] for _ in range(10)} == {"one"}
    assert client.call(greeting(f"{service}@1.1.0")).body["word"] == "slow"
