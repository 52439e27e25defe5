"""Recommendations: what is counted, what is never counted, and that tastes beat popularity on a split by time."""

import asyncio
import random
from datetime import timedelta
from math import log2

from sqlalchemy import text

from mercato.discovery import Found, MarketMemory, Uses, blend, trend_of
from mercato.platform import Database
from tests.conftest import TestClock
from tests.discovery.conftest import FIRST_DAY


def test_what_fewer_than_three_others_use_is_never_told() -> None:
    pairs = [(f"org{number}", service) for number in range(3) for service in ("a", "b")]
    pairs += [("org0", "secret"), ("org1", "secret")]
    found = Uses(pairs).together({"a"}, 10, but="me")
    assert [(one.service_id, one.common, one.because) for one in found] == [("b", 3, "a")]
    assert Uses(pairs).together({"a"}, 10, but="org0") == [], "who asks is no other"


def test_what_everybody_uses_counts_less_than_what_goes_together() -> None:
    pairs = [(f"org{number}", "everywhere") for number in range(100)]
    pairs += [(f"org{number}", service) for number in range(10) for service in ("a", "b")]
    found = Uses(pairs).together({"a"}, 10)
    assert [one.service_id for one in found] == ["b", "everywhere"]


def test_the_blend_leaves_out_what_is_used_and_keeps_every_reason() -> None:
    lists = [[Found("own", "together", "x", 9), Found("b", "together", "x", 4)], [Found("b", "like", "x")]]
    lists += [[Found("c", "rising"), Found("b", "rising")], []]
    blended = blend(lists, {"own"}, 10)
    assert [one.service_id for one in blended] == ["b", "c"]
    assert [way.way for way in blended[0].ways] == ["together", "like", "rising"]
    assert blend([[], []], set(), 10) == []


def test_more_callers_of_late_rise_and_one_busy_day_long_ago_does_not() -> None:
    today = FIRST_DAY.date().replace(day=30)
    growing = {today.replace(day=day): day for day in range(1, 31)}
    steady = {today.replace(day=day): 15 for day in range(1, 31)}
    falling = {today.replace(day=day): 31 - day for day in range(1, 31)}
    assert trend_of(growing, today) > 1_000
    assert trend_of(steady, today) == trend_of({}, today) == 0
    assert trend_of(falling, today) == 0
    assert trend_of({today.replace(day=1): 500}, today) == 0


def test_tastes_beat_popularity_on_services_that_were_first_used_later() -> None:
    chance = random.Random(7)
    groups = [[f"g{group}s{number}" for number in range(15)] for group in range(8)]
    everywhere = [f"all{number}" for number in range(5)]
    before: list[tuple[str, str]] = []
    after: dict[str, set[str]] = {}
    for number in range(400):
        group = groups[number % 8]
        wanted = chance.sample(group, 7) + chance.sample(everywhere, 2) + [chance.choice(chance.choice(groups))]
        chance.shuffle(wanted)
        before += [(f"org{number}", service) for service in wanted[:7]]
        after[f"org{number}"] = set(wanted[7:]) - set(wanted[:7])
    uses = Uses(before)

    def ndcg(found: list[str], wanted: set[str]) -> float:
        best = sum(1 / log2(place + 2) for place in range(min(10, len(wanted))))
        return sum(1 / log2(place + 2) for place, one in enumerate(found[:10]) if one in wanted) / best

    ours, popular = 0.0, 0.0
    for user, later in after.items():
        own = uses.of(user)
        ours += ndcg([one.service_id for one in uses.together(own, 10, but=user)], later)
        popular += ndcg([one for one in uses.popular() if one not in own], later)
    assert ours > 2 * popular


async def test_nobody_waits_for_who_reads_the_market_anew(database: Database, clock: TestClock) -> None:
    memory = MarketMemory(clock)
    async with database.transaction() as session:
        first = await memory.read(session)
    clock.advance(timedelta(minutes=11))
    async with database.transaction() as writer, database.transaction() as slow, database.transaction() as other:
        await writer.execute(text("LOCK TABLE usage_quarter IN ACCESS EXCLUSIVE MODE"))
        reading = asyncio.create_task(memory.read(slow))
        waiting = "SELECT count(*) FROM pg_locks WHERE relation = 'usage_quarter'::regclass AND NOT granted"
        async with asyncio.timeout(600):
            while not await writer.scalar(text(waiting)):
                await asyncio.sleep(0.01)
        assert await memory.read(other) is first
        await writer.rollback()
        assert await reading is not first
