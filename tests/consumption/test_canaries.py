"""Canaries: who takes which calls, what the rule says of the figures, and that a verdict is one verdict."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from mercato.consumption import CanaryWatch, judge_canaries
from mercato.consumption.canaries import Compared, judge
from mercato.consumption.snapshot import compile_changes, routes_of
from mercato.identity import Caller, NotAllowed
from mercato.metering import ReleaseCalls
from mercato.platform import Event, Refusal
from mercato.platform.outbox import Place
from mercato.publishing import Canary, Catalogue, Release, ServiceChanged
from mercato_contracts.dataplane import SnapshotService
from mercato_contracts.manifest import CanaryTerms
from tests.support.market import Customer, Market

QUICK = CanaryTerms(percent=20, min_calls=10, min_minutes=0)


class Tried:
    """A service with two releases, a customer, and its canary."""

    def __init__(self, market: Market, vendor: Caller, customer: Customer, old: Release, new: Release) -> None:
        self.market, self.vendor, self.customer, self.old, self.new = market, vendor, customer, old, new
        self.service = customer.service

    async def start(self, terms: CanaryTerms = QUICK) -> Canary:
        async with self.market.database.transaction() as session:
            watch = CanaryWatch(session, self.market.clock, self.market.ids, self.market.outbox)
            return (await watch.start(self.vendor, "acme", "tried", self.new.version, terms))[0]

    async def calls(self, release: Release, count: int, *, failed: int = 0, first_byte_us: int = 900) -> None:
        statuses = [503] * failed + [200] * (count - failed)
        made = [
            self.market.event(self.customer, release_id=release.id, status=status, first_byte_us=first_byte_us)
            for status in statuses
        ]
        await self.market.take(made)
        self.market.clock.advance(timedelta(seconds=1))

    async def judge(self) -> int:
        market = self.market
        return await judge_canaries(market.database, market.clock, market.ids, market.outbox)

    async def shown(self) -> list[tuple[Canary, dict[str, Any]]]:
        async with self.market.database.transaction() as session:
            watch = CanaryWatch(session, self.market.clock, self.market.ids, self.market.outbox)
            return await watch.list_own(self.vendor, "acme", "tried", after=None, limit=10)

    async def route(self) -> SnapshotService:
        async with self.market.database.transaction() as session:
            (route,) = await routes_of(session, [self.service.id], self.market.seal)
            return route

    async def latest(self) -> str:
        async with self.market.database.transaction() as session:
            listing = await Catalogue(session).get_listing("acme", "tried")
            assert listing.service.title == f"Title of {listing.service.latest_version}"
            return listing.service.latest_version


@pytest.fixture
async def tried(market: Market) -> Tried:
    vendor = await market.people.join("acme")
    service, plan = await market.list_service(vendor, "tried")
    customer = await market.customer(service, plan)
    old, new = await market.add_release(service, "1.1.0"), await market.add_release(service, "1.2.0")
    return Tried(market, vendor, customer, old, new)


async def test_a_canary_is_told_to_gateways_and_leaves_words_and_plans_to_the_stable_release(tried: Tried) -> None:
    assert await tried.latest() == "1.2.0"
    await tried.start()
    route = await tried.route()
    assert route.canary is not None
    assert (route.canary.version, route.canary.percent, route.aliases) == ("1.2.0", 20, {"canary": "1.2.0"})
    assert await tried.latest() == "1.1.0"


async def test_a_good_canary_is_promoted_and_the_figures_stay(tried: Tried) -> None:
    await tried.start()
    await tried.calls(tried.old, 40, failed=1)
    await tried.calls(tried.new, 9)
    assert await tried.judge() == 0
    assert (await tried.shown())[0][1]["canary"]["calls"] == 9
    await tried.calls(tried.new, 1)
    assert await tried.judge() == 1
    assert await tried.judge() == 0
    ((canary, figures),) = await tried.shown()
    assert (canary.state, canary.ended_by) == ("promoted", "rule")
    assert figures["canary"] == {"version": "1.2.0", "calls": 10, "failed": 0, "p95_us": 900}
    assert figures["stable"] == {"version": "1.1.0", "calls": 40, "failed": 1, "p95_us": 900}
    assert (await tried.route()).canary is None
    assert await tried.latest() == "1.2.0"


@pytest.mark.parametrize(("failed", "first_byte_us"), [(3, 900), (0, 2_000)])
async def test_a_bad_canary_is_rolled_back_and_only_its_version_reaches_it(
    tried: Tried, failed: int, first_byte_us: int
) -> None:
    await tried.start()
    await tried.calls(tried.old, 40)
    await tried.calls(tried.new, 20, failed=failed, first_byte_us=first_byte_us)
    assert await tried.judge() == 1
    ((canary, _),) = await tried.shown()
    assert canary.state == "rolled_back"
    assert str(failed) in canary.reason
    route = await tried.route()
    assert {release.version: release.status for release in route.releases}["1.2.0"] == "deprecated"
    assert await tried.latest() == "1.1.0"
    again = await tried.start()
    assert again.state == "running"
    assert {release.version: release.status for release in (await tried.route()).releases}["1.2.0"] == "live"


async def test_two_judges_at_once_give_one_verdict_and_one_piece_of_news(tried: Tried) -> None:
    await tried.start()
    for release in (tried.old, tried.new):
        await tried.calls(release, 20)
    assert sum(await asyncio.gather(*(tried.judge() for _ in range(4)))) == 1
    assert [canary.state for canary, _ in await tried.shown()] == ["promoted"]


async def test_a_verdict_and_its_news_are_one_transaction(tried: Tried) -> None:
    """A worker that dies before the commit leaves a canary that runs; the next one judges it."""
    await tried.start()
    for release in (tried.old, tried.new):
        await tried.calls(release, 20)
    market = tried.market
    with pytest.raises(ConnectionResetError):
        async with market.database.transaction() as session:
            ended = await CanaryWatch(session, market.clock, market.ids, market.outbox).judge(tried.service.id)
            assert ended is not None
            raise ConnectionResetError
    assert (await tried.route()).canary is not None
    assert await tried.judge() == 1
    assert (await tried.route()).canary is None


def _compared(new: tuple[int, int, int], old: tuple[int, int, int]) -> Compared:
    return Compared("2.0.0", ReleaseCalls(*new), "1.0.0", ReleaseCalls(*old))


@pytest.mark.parametrize(
    ("new", "old", "minutes", "promote"),
    [
        ((99, 99, 1), (500, 0, 1), 60, None),  # too few of its own
        ((500, 0, 1), (99, 99, 1), 60, None),  # too few to compare with
        ((100, 1, 100), (1_000, 0, 100), 60, True),  # one percent more is what is allowed
        ((100, 2, 100), (1_000, 0, 100), 60, False),
        ((100, 2, 100), (1_000, 10, 100), 60, True),
        ((10_000, 201, 100), (10_000, 100, 100), 60, False),  # one call in ten thousand too many
        ((100, 0, 150), (1_000, 0, 100), 60, True),
        ((100, 0, 151), (1_000, 0, 100), 60, False),
        ((100, 0, 151), (1_000, 0, 100), 0, False),  # bad is bad at once
        ((100, 0, 100), (1_000, 0, 100), 9, None),  # good needs its time
        ((100, 0, 100), (1_000, 0, 100), 10, True),
    ],
)
def test_the_rule_is_exact(
    new: tuple[int, int, int], old: tuple[int, int, int], minutes: int, promote: bool | None
) -> None:
    canary = Canary(**CanaryTerms().model_dump())
    verdict = judge(canary, _compared(new, old), age=timedelta(minutes=minutes))
    assert (None if verdict is None else verdict.promote) is promote


async def test_a_manifest_may_ask_for_a_canary_and_a_higher_release_ends_it(tried: Tried) -> None:
    market = tried.market
    await market.add_release(tried.service, "1.3.0", canary={"percent": 5}, plans=[{"name": "dearer"}])
    route = await tried.route()
    assert route.canary is not None
    assert (route.canary.version, route.canary.percent) == ("1.3.0", 5)
    assert await tried.latest() == "1.2.0"
    async with market.database.transaction() as session:
        assert [plan.name for plan in await Catalogue(session).open_plans(tried.service.id)] == ["standard"]
    await market.add_release(tried.service, "1.4.0")
    assert (await tried.route()).canary is None
    assert [canary.state for canary, _ in await tried.shown()] == ["superseded"]
    assert await tried.latest() == "1.4.0"


async def test_the_first_release_of_a_service_is_no_canary(market: Market) -> None:
    vendor = await market.people.join("acme")
    service, _ = await market.list_service(vendor, "first")
    await market.add_release(service, "0.9.0", canary={"percent": 5})
    async with market.database.transaction() as session:
        (route,) = await routes_of(session, [service.id], market.seal)
    assert route.canary is None


async def test_only_the_newest_final_release_of_ones_own_service_becomes_one_canary(
    tried: Tried, market: Market
) -> None:
    async def refused(caller: Caller, version: str) -> str:
        with pytest.raises(Refusal) as raised:
            async with market.database.transaction() as session:
                watch = CanaryWatch(session, market.clock, market.ids, market.outbox)
                await watch.start(caller, "acme", "tried", version, QUICK)
        return raised.value.code

    stranger = await market.people.join("umbrella")
    await market.add_release(tried.service, "1.3.0-rc.1")
    assert await refused(stranger, "1.2.0") == "service_not_found"
    assert await refused(tried.vendor, "9.9.9") == "release_not_found"
    assert await refused(tried.vendor, "1.1.0") == "canary_not_newest"
    assert await refused(tried.vendor, "1.3.0-rc.1") == "canary_not_newest"
    await tried.start()
    assert await refused(tried.vendor, "1.2.0") == "canary_under_way"


async def test_news_of_a_verdict_reaches_gateways(tried: Tried, market: Market) -> None:
    await tried.start()
    async with market.database.transaction() as session:
        answer = ServiceChanged(by="usr_1", service_id=tried.service.id)
        (line,) = await compile_changes(session, [Event(Place(1, 1), answer, market.clock.now())], market.seal)
    assert isinstance(line, SnapshotService)
    assert line.canary is not None


async def test_a_person_may_decide_first_over_the_api(tried: Tried, market: Market, gateway: httpx.AsyncClient) -> None:
    key = await market.make_key(tried.vendor)
    base = "/api/services/acme/tried/canaries"
    denied = await gateway.get(base, headers={"authorization": f"Bearer {key.text}"})
    assert (denied.status_code, denied.json()["code"]) == (403, NotAllowed.code)
    async with market.database.transaction() as session:
        from mercato.identity import Keys

        keys = Keys(session, market.clock, market.ids, market.hasher, market.outbox)
        vendor_key = await keys.make(tried.vendor, kind="vk", name="ci", scopes=None, expires_at=None)
    headers = {"authorization": f"Bearer {vendor_key.text}"}
    begun = await gateway.post(base, headers=headers, json={"version": "1.2.0", "percent": 7})
    assert begun.status_code == 201, begun.text
    assert (begun.json()["percent"], begun.json()["min_calls"], begun.json()["state"]) == (7, 100, "running")
    wrong = await gateway.post(base, headers=headers, json={"version": "1.2.0", "percent": 100})
    assert wrong.status_code == 422
    ended = await gateway.post(f"{base}/abort", headers=headers, json={"reason": "a hunch"})
    assert (ended.status_code, ended.json()["state"], ended.json()["reason"]) == (200, "aborted", "a hunch")
    assert (await gateway.post(f"{base}/promote", headers=headers, json={"reason": "late"})).status_code == 404
    (listed,) = (await gateway.get(base, headers=headers)).json()["items"]
    assert (listed["state"], listed["stable"]["version"]) == ("aborted", "1.1.0")
