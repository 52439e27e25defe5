"""A quota is exact, whoever counts: two gateways of two workers each, four hundred calls at once."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from tests.e2e.calls import all_at_once, assert_each_metered_once, greeting
from tests.e2e.conftest import Join, Shop
from tests.e2e.marketplace import Marketplace


async def test_exactly_a_hundred_of_four_hundred_calls_at_once_are_answered(
    marketplace: Marketplace, shop: Shop, join: Join
) -> None:
    consumer = join((shop.greeter, "hundred"))
    ask = greeting(shop.greeter)
    with (
        marketplace.another_gateway("two-workers-1", workers=2) as first,
        marketplace.another_gateway("two-workers-2", workers=2) as second,
    ):
        first.begin()
        second.begin()
        first.wait_until_ready()
        second.wait_until_ready()
        day = datetime.now(UTC).date()
        calls = await all_at_once([(gateway.url, ask) for gateway in (first, second) * 200], consumer.key)
        if datetime.now(UTC).date() != day:
            pytest.skip("the day of the quota ended in the middle of it")
        assert Counter((each.status, each.code) for each in calls) == {(200, ""): 100, (429, "quota_exceeded"): 300}
        for refused in (each for each in calls if not each.answered):
            assert int(refused.headers["retry-after"]) >= 1
            assert '"subscription-requests-day"' in refused.headers["ratelimit-policy"]
            assert '"subscription-requests-day";r=0' in refused.headers["ratelimit"]
        assert_each_metered_once(consumer.member, calls)
