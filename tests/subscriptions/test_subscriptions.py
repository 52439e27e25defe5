"""Subscribing and cancelling: once, whatever is asked twice or at once, and only for oneself."""

import asyncio

import pytest

from mercato.identity import Role
from mercato.identity.refusals import NotAllowed
from mercato.platform import Refusal
from mercato.publishing import Catalogue, PlanNotFound
from mercato.subscriptions import (
    OtherPlanActive,
    PlanNotOffered,
    SubscriptionNotFound,
    Subscriptions,
)
from tests.support.market import Market


async def test_asking_twice_gives_the_same_subscription(market: Market) -> None:
    _, plan = await market.list_service(await market.people.join("acme"))
    consumer = await market.people.join("globex")
    first, again = await market.subscribe(consumer, plan), await market.subscribe(consumer, plan)
    assert first.id == again.id
    assert again.status == "active"


async def test_thirty_at_once_make_one(market: Market) -> None:
    _, plan = await market.list_service(await market.people.join("acme"))
    consumer = await market.people.join("globex")
    made = await asyncio.gather(*(market.subscribe(consumer, plan) for _ in range(15)))
    assert len({subscription.id for subscription in made}) == 1


async def test_two_plans_at_once_leave_one_active_and_one_refused(market: Market) -> None:
    service, plan = await market.list_service(await market.people.join("acme"))
    other = await market.add_plan(service)
    consumer = await market.people.join("globex")
    answers = await asyncio.gather(
        *(market.subscribe(consumer, one) for one in (plan, other) * 5), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert len(refused) == 5
    assert all(isinstance(answer, OtherPlanActive) for answer in refused)


async def test_another_plan_is_refused_and_told_how_to_change(market: Market) -> None:
    service, plan = await market.list_service(await market.people.join("acme"))
    other = await market.add_plan(service)
    consumer = await market.people.join("globex")
    first = await market.subscribe(consumer, plan)
    with pytest.raises(OtherPlanActive) as refusal:
        await market.subscribe(consumer, other)
    assert refusal.value.facts["subscription"] == first.id
    await _cancel(market, consumer, first.id)
    assert (await market.subscribe(consumer, other)).plan_id == other.id


async def test_a_cancelled_one_taken_up_again_is_the_same_so_its_quota_goes_on(market: Market) -> None:
    _, plan = await market.list_service(await market.people.join("acme"))
    consumer = await market.people.join("globex")
    first = await market.subscribe(consumer, plan)
    await _cancel(market, consumer, first.id)
    again = await market.subscribe(consumer, plan)
    assert (again.id, again.status, again.cancelled_at) == (first.id, "active", None)


async def test_a_retired_plan_and_an_unknown_one_are_refused(market: Market) -> None:
    service, _ = await market.list_service(await market.people.join("acme"))
    retired = await market.add_plan(service, retired_at=market.clock.now())
    consumer = await market.people.join("globex")
    with pytest.raises(PlanNotOffered):
        await market.subscribe(consumer, retired)
    retired.id = "pln_nothing"
    with pytest.raises(PlanNotFound):
        await market.subscribe(consumer, retired)


async def test_another_organisation_sees_and_cancels_nothing(market: Market) -> None:
    _, plan = await market.list_service(await market.people.join("acme"))
    consumer, stranger = await market.people.join("globex"), await market.people.join("initech")
    mine = await market.subscribe(consumer, plan)
    with pytest.raises(SubscriptionNotFound):
        await _cancel(market, stranger, mine.id)
    async with market.database.transaction() as session:
        desk = Subscriptions(session, market.clock, market.ids, market.outbox, Catalogue(session))
        assert await desk.list_all(stranger, as_vendor=False, after=None, limit=50) == []
        with pytest.raises(SubscriptionNotFound):
            await desk.get(stranger, mine.id)


async def test_a_viewer_may_look_and_not_subscribe(market: Market) -> None:
    _, plan = await market.list_service(await market.people.join("acme"))
    viewer = await market.people.join("globex", Role.VIEWER)
    with pytest.raises(NotAllowed) as refusal:
        await market.subscribe(viewer, plan)
    assert isinstance(refusal.value, Refusal)


async def _cancel(market: Market, caller: object, subscription_id: str) -> None:
    async with market.database.transaction() as session:
        desk = Subscriptions(session, market.clock, market.ids, market.outbox, Catalogue(session))
        await desk.cancel(caller, subscription_id)  # type: ignore[arg-type]
