"""Deadlines are met though nobody looks for them every other second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from mercato.app.housekeeping import Deadlines
from mercato.edge.wiring import running_of
from mercato.platform import OutboxFeed
from tests.conftest import TestClock
from tests.deployments.test_heartbeats import Vendor, app
from tests.support.market import Market, market

__all__ = ["app", "market"]


@pytest.fixture
async def vendor(market: Market, api: httpx.AsyncClient) -> Vendor:
    """Acme, whose deployment is not linked yet."""
    return await Vendor(market, api, "acme").open()


@asynccontextmanager
async def keeping(app: FastAPI, latest_seconds: float) -> AsyncIterator[None]:
    wiring = running_of(app).wiring
    deadlines = Deadlines(wiring, latest_seconds=latest_seconds)
    feed = OutboxFeed(wiring.database)
    await feed.start([], [deadlines.subscriber()])
    running = asyncio.create_task(deadlines.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await feed.close()


async def become_stale(vendor: Vendor) -> None:
    async with asyncio.timeout(60):
        while (await vendor.look())["link"]["state"] != "stale":
            await asyncio.sleep(0.05)


async def test_a_known_deadline_wakes_the_sleeper(vendor: Vendor, app: FastAPI, clock: TestClock) -> None:
    await vendor.link(interval_seconds=1)
    async with keeping(app, latest_seconds=600):
        clock.advance(timedelta(seconds=3))
        await become_stale(vendor)


async def test_news_of_a_nearer_deadline_wakes_the_sleeper(vendor: Vendor, app: FastAPI, clock: TestClock) -> None:
    async with keeping(app, latest_seconds=600):
        await vendor.link(interval_seconds=1)
        clock.advance(timedelta(seconds=3))
        await become_stale(vendor)


async def test_a_deadline_without_news_is_found_at_the_next_look(
    vendor: Vendor, app: FastAPI, clock: TestClock
) -> None:
    await vendor.link(interval_seconds=3600)
    async with keeping(app, latest_seconds=1):
        async with vendor.market.database.transaction() as session:
            await session.execute(text("UPDATE deployment_links SET due_at = :now"), {"now": clock.now()})
        await become_stale(vendor)
