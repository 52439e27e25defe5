"""A held deployment takes no calls until the last of its holders lets go; nobody lifts another's hold."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from mercato.platform.outbox import OutboxRow
from mercato.publishing import Catalogue, DeploymentHolds, DeploymentNotFound, Service
from tests.support.market import Market, market

__all__ = ["market"]


async def weight_of(market: Market, service: Service) -> int:
    async with market.database.transaction() as session:
        (routes,) = await Catalogue(session).routes([service.id])
    return routes.releases[0].deployments[0].weight


async def hold(market: Market, deployment_id: str, holder: str, reason: str = "it is silent") -> bool:
    async with market.database.transaction() as session:
        holds = DeploymentHolds(session, market.clock, market.outbox)
        return await holds.hold_deployment(deployment_id, holder=holder, reason=reason, by="usr_test")


async def lift(market: Market, deployment_id: str, holder: str) -> bool:
    async with market.database.transaction() as session:
        return await DeploymentHolds(session, market.clock, market.outbox).lift_hold(
            deployment_id, holder=holder, by="usr_test"
        )


async def listed(market: Market) -> tuple[Service, str]:
    service, _ = await market.list_service(await market.people.join("acme"))
    async with market.database.transaction() as session:
        (deployment,) = await Catalogue(session).deployments_of_vendor(service.vendor_id)
    return service, deployment.id


async def news(market: Market) -> list[tuple[str, bool]]:
    async with market.database.transaction() as session:
        rows = await session.scalars(
            select(OutboxRow.payload)
            .where(OutboxRow.topic == "deployment.hold_changed")
            .order_by(OutboxRow.transaction, OutboxRow.number)
        )
        return [(payload["holder"], payload["held"]) for payload in rows]


async def test_it_takes_calls_again_once_the_last_holder_lets_go(market: Market) -> None:
    service, deployment = await listed(market)
    assert await weight_of(market, service) == 100
    assert await hold(market, deployment, "heartbeat")
    assert await hold(market, deployment, "kill-switch:vendor")
    assert await weight_of(market, service) == 0
    assert await lift(market, deployment, "heartbeat")
    assert await weight_of(market, service) == 0
    assert await lift(market, deployment, "kill-switch:vendor")
    assert await weight_of(market, service) == 100
    assert await news(market) == [
        ("heartbeat", True),
        ("kill-switch:vendor", True),
        ("heartbeat", False),
        ("kill-switch:vendor", False),
    ]


async def test_a_hold_is_held_and_lifted_once_and_says_why_and_since_when(market: Market) -> None:
    _, deployment = await listed(market)
    began = market.clock.now()
    assert await hold(market, deployment, "heartbeat", "silent for a minute")
    market.clock.advance(timedelta(hours=1))
    assert not await hold(market, deployment, "heartbeat", "silent for an hour")
    async with market.database.transaction() as session:
        held = await DeploymentHolds(session, market.clock, market.outbox).holds_on([deployment])
    assert [(one.holder, one.reason, one.held_at) for one in held[deployment]] == [
        ("heartbeat", "silent for an hour", began)
    ]
    assert not await lift(market, deployment, "drift")
    assert await lift(market, deployment, "heartbeat")
    assert not await lift(market, deployment, "heartbeat")
    assert await news(market) == [("heartbeat", True), ("heartbeat", False)]


async def test_many_holders_at_once_each_hold_and_are_told_once(market: Market) -> None:
    service, deployment = await listed(market)
    holders = [f"holder-{n % 4}" for n in range(12)]
    changed = await asyncio.gather(*(hold(market, deployment, by) for by in holders))
    assert sum(changed) == 4
    assert await weight_of(market, service) == 0
    lifted = await asyncio.gather(*(lift(market, deployment, by) for by in holders))
    assert sum(lifted) == 4
    assert await weight_of(market, service) == 100
    assert len(await news(market)) == 8


async def test_an_unknown_deployment_is_refused(market: Market) -> None:
    for act in (hold, lift):
        with pytest.raises(DeploymentNotFound):
            await act(market, "dep_unknown", "heartbeat")
