"""What happens reaches the bus: all of it, in order, and nothing waits for a bus that is away."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from mercato.adapters.events_folder import FolderBus
from mercato.app.settings import Settings
from mercato.bus import CONTRACTS, READER, BusPublisher, forget_publisher
from mercato.consumption import AlertOpened
from mercato.platform import (
    Database,
    DurableSubscriber,
    Event,
    Outbox,
    OutboxFeed,
    Session,
    SystemClock,
    forget_events,
    read_events,
    read_place,
)
from mercato.platform.outbox import pass_place
from mercato.publishing import ApprovalDecided, ServiceChanged, ServiceReleased, SubmissionReceived
from mercato.subscriptions import SubscriptionChanged
from tests.consumption.conftest import gateway
from tests.support.market import Market, market
from tests.support.waiting import until

__all__ = ["gateway", "market"]

SECONDS = 300
PROCESS = Path(__file__).with_name("publisher_process.py")


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """A marketplace with a bus."""
    state = tmp_path / "state"
    return Settings(state=state, DATABASE_URL=database_url, allow_private_endpoints=True, events_url=SecretStr("file"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "events"


def published(folder: Path) -> list[dict[str, Any]]:
    """Every whole line, in order."""
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines if line.endswith("}")]


@contextlib.asynccontextmanager
async def publishing(database: Database, folder: Path) -> AsyncIterator[None]:
    task = asyncio.create_task(BusPublisher(database, SystemClock(), FolderBus(folder), gathers_seconds=0).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def change(number: int) -> SubscriptionChanged:
    return SubscriptionChanged(
        by="usr_1", subscription_id=f"sub_{number % 3}", organisation_id="org_1", service_id=str(number)
    )


async def tell(database: Database, outbox: Outbox, numbers: Sequence[int]) -> None:
    for number in numbers:
        async with database.transaction() as session:
            await outbox.add(session, change(number))


def first_heard(events: list[dict[str, Any]]) -> list[int]:
    return list(dict.fromkeys(int(each["data"]["service_id"]) for each in events))


async def test_each_type_says_what_its_contract_promises(database: Database, outbox: Outbox, folder: Path) -> None:
    alert = {"alert_id": "alr_1", "service_id": "svc_1", "vendor_id": "org_2", "objective": "latency"}
    async with database.transaction() as session:
        for news in (
            SubmissionReceived(by="usr_1", submission_id="sbm_1"),
            ApprovalDecided(by="usr_2", submission_id="sbm_1"),
            ServiceReleased(by="publishing", service_id="svc_1", release_id="rel_1"),
            ServiceChanged(by="usr_1", service_id="svc_1"),
            ServiceChanged(by="usr_1", service_id="svc_1", release_id="rel_0", status="yanked"),
            ServiceChanged(by="usr_1", service_id="svc_1", release_id="rel_0", status="deprecated"),
            change(1),
            AlertOpened(by="watch", severity="fast", **alert),
        ):
            await outbox.add(session, news)
    async with publishing(database, folder):
        await until(lambda: len(published(folder)) >= 6)
    heard = published(folder)
    assert [each["type"].removeprefix("mercato.") for each in heard] == [
        "service.submitted", "approval.decided", "service.published", "service.deprecated", "subscription.changed",
        "sla.breached",
    ]  # fmt: skip
    for each in heard:
        contract = CONTRACTS[each["type"].removeprefix("mercato.")]
        assert contract.model_validate(each["data"]).model_dump(mode="json") == each["data"]
        assert each["dataschema"] == f"bus.schema.json#/$defs/{contract.__name__}"
    assert heard[3]["data"] == {"service_id": "svc_1", "release_id": "rel_0"}
    assert len({each["id"] for each in heard}) == 6


async def test_each_call_is_told_of_once_with_the_ledgers_figures(
    gateway: httpx.AsyncClient, market: Market, folder: Path
) -> None:
    service, made = await market.list_service(await market.people.join("acme"))
    customer = await market.customer(service, made)
    events = [market.event(customer, tokens_in=20, tokens_out=10) for _ in range(3)]
    body = {"gateway": "gateway-1", "life": "life_1", "events": [each.model_dump() for each in events], "closed": []}
    for _ in range(2):  # a batch that is sent again
        assert (await gateway.post("/internal/usage", json=body)).status_code == 200
    async with publishing(market.database, folder):
        await until(lambda: len(published(folder)) >= 4)
        async with asyncio.timeout(SECONDS):
            await _all_read(market.database)
    calls = [each for each in published(folder) if each["type"] == "mercato.usage.recorded"]
    assert sorted(each["id"] for each in calls) == sorted(each.id for each in events)
    for each in calls:
        data = CONTRACTS["usage.recorded"].model_validate_json(json.dumps(each["data"])).model_dump()
        assert (data["consumer_id"], data["service_id"]) == (customer.caller.organisation_id, service.id)
        assert (data["tokens_in"], data["tokens_out"]) == (20, 10)
        assert data["price_nanos"] > 0


async def _all_read(database: Database) -> None:
    """Until the publisher's place is that of the newest news it is meant for."""
    query = (
        "SELECT count(*) FROM outbox_events e JOIN outbox_places p ON p.reader = 'bus' "
        "WHERE e.topic IN ('usage.recorded', 'subscription.changed') "
        "AND (e.transaction, e.number) > (p.transaction, p.number)"
    )
    while True:
        async with database.transaction() as session:
            if await session.scalar(text(query)) == 0:
                return
        await asyncio.sleep(0.05)


async def test_a_bus_that_is_away_holds_up_nobody_and_loses_nothing(
    database: Database, outbox: Outbox, folder: Path
) -> None:
    heard: list[int] = []

    async def handle(_: Session, events: Sequence[Event[SubscriptionChanged]]) -> None:
        heard.extend(int(event.news.service_id) for event in events)

    folder.write_text("a file stands where the bus's folder should be")
    feed = OutboxFeed(database)
    await feed.start([DurableSubscriber("another", (SubscriptionChanged,), handle)], [])
    async with publishing(database, folder):
        await tell(database, outbox, range(20))
        await until(lambda: len(heard) == 20)
        assert folder.is_file()
        folder.unlink()
        await until(lambda: len(published(folder)) == 20)
    await feed.close()
    assert first_heard(published(folder)) == list(range(20))


async def test_of_two_publishers_one_leads_and_the_other_takes_over(
    database: Database, outbox: Outbox, folder: Path
) -> None:
    async with publishing(database, folder):
        async with publishing(database, folder):
            await tell(database, outbox, range(150))
            await until(lambda: len(published(folder)) >= 150)
        await tell(database, outbox, range(150, 160))
        await until(lambda: len(published(folder)) >= 160)
    async with publishing(database, folder):
        await tell(database, outbox, range(160, 170))
        await until(lambda: len(published(folder)) >= 170)
    assert [int(each["data"]["service_id"]) for each in published(folder)] == list(range(170))


async def test_killed_at_any_moment_it_tells_everything_again_under_the_same_id(
    database: Database, database_url: str, outbox: Outbox, folder: Path
) -> None:
    telling = asyncio.create_task(tell(database, outbox, range(400)))
    for share in (1, 120, 260):
        process = await asyncio.create_subprocess_exec(sys.executable, str(PROCESS), database_url, str(folder))
        await until(lambda share=share: len(published(folder)) >= share)  # type: ignore[misc]
        process.kill()
        await process.wait()
    await telling
    async with publishing(database, folder):
        await until(lambda: len(set(first_heard(published(folder)))) == 400)
    events = published(folder)
    assert first_heard(events) == list(range(400))
    ids: dict[int, set[str]] = {}
    for each in events:
        ids.setdefault(int(each["data"]["service_id"]), set()).add(each["id"])
    assert {number for number, known in ids.items() if len(known) > 1} == set()


async def test_a_marketplace_without_a_bus_keeps_no_news_for_it(
    database: Database, outbox: Outbox, folder: Path
) -> None:
    async with publishing(database, folder):
        await tell(database, outbox, [1])
        await until(lambda: len(published(folder)) == 1)
    await tell(database, outbox, [2])
    async with database.transaction() as session:
        place = await read_place(session, "another")
        events = await read_events(session, place, (SubscriptionChanged,), 10)
        assert await pass_place(session, "another", place, events[-1].place)
    async with database.transaction() as session:
        assert await forget_events(session, SystemClock().now()) == 1, f"the reader {READER!r} has not seen the other"
    await forget_publisher(database)
    async with database.transaction() as session:
        assert await forget_events(session, SystemClock().now()) == 1
