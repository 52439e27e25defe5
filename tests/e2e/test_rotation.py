"""A cap stays exact while its key is rotated: old and new key at once, through two gateways."""

import asyncio
from collections import Counter

import pytest

from mercato_contracts.identity import NewKeyAnswer
from tests.e2e.calls import Call, all_at_once, assert_each_metered_once, greeting
from tests.e2e.conftest import Join, Shop
from tests.e2e.marketplace import Marketplace

PRICE = 1_000_000  # nano-units: the 0.001 of PER_CALL


@pytest.mark.parametrize(
    ("unit", "cap", "code"), [("requests", 30, "quota_exceeded"), ("nanos", 30 * PRICE, "budget_exceeded")]
)
async def test_two_keys_of_one_lineage_share_one_cap_during_the_grace(
    marketplace: Marketplace, shop: Shop, join: Join, unit: str, cap: int, code: str
) -> None:
    consumer = join((shop.greeter, "per-call"))
    member, old = consumer.member, consumer.first
    member.set_budget(unit, "month", cap, key_id=old.id)
    with marketplace.another_gateway(f"rotation-{unit}") as second:
        second.start()
        targets = [(gateway.url, greeting(shop.greeter)) for gateway in (marketplace.gateway, second)]
        calls = await all_at_once(targets * 5, old.key)
        rotating = asyncio.to_thread(member.post, f"/api/keys/{old.id}/rotate", {"grace_seconds": 3600})
        meanwhile, answer = await asyncio.gather(all_at_once(targets * 5, old.key), rotating)
        new = NewKeyAnswer.model_validate(answer)
        both = await asyncio.gather(*(all_at_once(targets * 20, key) for key in (old.key, new.key)))
    calls += [*meanwhile, *both[0], *both[1]]
    assert kinds(calls) == {"200": 30, f"429 {code}": 70}
    assert_each_metered_once(member, calls)


def kinds(calls: list[Call]) -> dict[str, int]:
    return dict(Counter(f"{each.status} {each.code}".strip() for each in calls))
