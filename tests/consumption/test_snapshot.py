"""The snapshot is whole, changes arrive within a second at every gateway, and a slow one holds nobody up."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from mercato.adapters.counters_postgres import PostgresCounters
from mercato.api.consumption import SnapshotAnswer
from mercato.consumption import SnapshotHub
from mercato.edge.wiring import running_of
from mercato.identity import KeyChanged, Keys
from mercato.metering import Budgets
from mercato.platform import Event
from mercato.platform.outbox import Place
from mercato.publishing import Catalogue, DeploymentHolds, ServiceChanged, ServiceWithdrawn
from tests.support.market import Market

Line = dict[str, Any]


class Listener:
    """One gateway's stream: all lines so far, with the time each came."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, Line]] = []

    async def listen(self, answer: httpx.Response) -> None:
        async for line in answer.aiter_lines():
            self.lines.append((time.monotonic(), json.loads(line)))

    async def until(self, fits: Callable[[Line], bool], after: int = 0, seconds: float = 120) -> tuple[float, Line]:
        async with asyncio.timeout(seconds):
            while True:
                for at, line in self.lines[after:]:
                    if fits(line):
                        return at, line
                await asyncio.sleep(0.005)

    @property
    def types(self) -> list[str]:
        return [line["type"] for _, line in self.lines]


@asynccontextmanager
async def listening(gateway: httpx.AsyncClient) -> AsyncIterator[Listener]:
    listener = Listener()
    async with gateway.stream("GET", "/internal/snapshot") as answer:
        assert answer.status_code == 200
        task = asyncio.create_task(listener.listen(answer))
        await listener.until(of_type("ready"))
        yield listener
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def of_type(kind: str, **values: Any) -> Callable[[Line], bool]:
    return lambda line: line["type"] == kind and all(line[name] == value for name, value in values.items())


async def test_begins_with_every_service_and_its_plans_and_goes_on_with_heartbeats(
    gateway: httpx.AsyncClient, market: Market
) -> None:
    vendor = await market.people.join("acme")
    made = [await market.list_service(vendor, f"service-{n}") for n in range(3)]
    async with listening(gateway) as listener:
        assert listener.types == ["begin", "service", "service", "service", "ready"]
        assert listener.lines[4][1]["services"] == 3
        expected = {line["id"]: line for _, line in listener.lines[1:4]}
        first = expected[made[0][0].id]
        assert (first["vendor"], first["name"], first["plans"][0]["id"]) == ("acme", "service-0", made[0][1].id)
        assert first["releases"][0]["deployments"][0]["url"] == "http://127.0.0.1:9/v1"
        await listener.until(of_type("heartbeat"))


async def test_each_kind_of_change_arrives(gateway: httpx.AsyncClient, market: Market) -> None:
    service, plan = await market.list_service(await market.people.join("acme"))
    consumer = await market.people.join("globex")
    key = await market.make_key(consumer)
    async with listening(gateway) as listener:
        answer = len(listener.lines)
        await market.subscribe(consumer, plan)
        await listener.until(of_type("consumer_changed", id=consumer.organisation_id), answer)
        async with market.database.transaction() as session:
            await Keys(session, market.clock, market.ids, market.hasher, market.outbox).revoke(consumer, key.row.id)
        began = time.monotonic()
        came, _ = await listener.until(of_type("key_changed", id=key.row.id), answer)
        print(f"revocation told in {came - began:.3f} s")
        answer = len(listener.lines)
        async with market.database.transaction() as session:
            counters = PostgresCounters(session, market.clock, market.ids)
            budgets = Budgets(session, market.clock, market.outbox, counters)
            await budgets.put(consumer, key_id=None, unit="nanos", window="month", cap=5)
        await listener.until(of_type("consumer_changed", id=consumer.organisation_id), answer)
        async with market.database.transaction() as session:
            await session.execute(text("UPDATE services SET title = 'New' WHERE id = :id"), {"id": service.id})
            await market.outbox.add(session, ServiceChanged(by="usr_1", service_id=service.id))
        await listener.until(of_type("service", id=service.id, title="New"), answer)
        async with market.database.transaction() as session:
            await session.execute(text("UPDATE services SET status = 'withdrawn' WHERE id = :id"), {"id": service.id})
            await market.outbox.add(session, ServiceWithdrawn(by="usr_1", service_id=service.id))
        await listener.until(of_type("service_removed", id=service.id), answer)


async def test_a_held_deployment_takes_no_calls_and_one_that_is_let_back_does(
    gateway: httpx.AsyncClient, market: Market
) -> None:
    service, _ = await market.list_service(await market.people.join("acme"))
    async with market.database.transaction() as session:
        (deployment,) = await Catalogue(session).deployments_of_vendor(service.vendor_id)

    def weighs(weight: int) -> Callable[[Line], bool]:
        return lambda line: (
            line["type"] == "service"
            and line["id"] == service.id
            and line["releases"][0]["deployments"][0]["weight"] == weight
        )

    async with listening(gateway) as one, listening(gateway) as two:
        for held, weight in ((True, 0), (False, 100)):
            expected = {listener: len(listener.lines) for listener in (one, two)}
            async with market.database.transaction() as session:
                holds = DeploymentHolds(session, market.clock, market.outbox)
                if held:
                    await holds.hold_deployment(
                        deployment.id, holder="heartbeat", reason="no heartbeat for a minute", by="heartbeat"
                    )
                else:
                    await holds.lift_hold(deployment.id, holder="heartbeat", by="key_vendor")
            began = time.monotonic()
            for listener, after in expected.items():
                came, _ = await listener.until(weighs(weight), after)
                print(f"{'held' if held else 'let back'}, told in {came - began:.3f} s")
    async with listening(gateway) as late:
        assert any(weighs(100)(line) for _, line in late.lines), "a gateway that comes later reads the same"


async def test_every_gateway_hears(gateway: httpx.AsyncClient, market: Market) -> None:
    async with listening(gateway) as one, listening(gateway) as two, listening(gateway) as three:
        async with market.database.transaction() as session:
            await market.outbox.add(session, KeyChanged(by="usr_1", key_id="key_1", organisation_id="org_1"))
        await asyncio.gather(*(listener.until(of_type("key_changed", id="key_1")) for listener in (one, two, three)))


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer", "Basic abc", "Bearer ünïcode"])
async def test_nothing_is_said_without_the_gateways_token(
    gateway: httpx.AsyncClient, settings: Any, header: str | None
) -> None:
    headers = {"Authorization": header.encode()} if header is not None else {"Authorization": b""}
    for method, path in (
        ("GET", "/internal/snapshot"),
        ("POST", "/internal/usage"),
        ("POST", "/internal/leases"),
        ("POST", "/internal/keys/introspect"),
        ("POST", "/internal/gateways/one/recovered"),
    ):
        answer = await gateway.request(method, path, headers=headers)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (401, "not_the_gateway")
        assert settings.gateway_token not in answer.text


def changed(number: int) -> Event[KeyChanged]:
    news = KeyChanged(by="usr_1", key_id=f"key_{number}", organisation_id="org_1")
    return Event(Place(number, number), news, datetime.now(UTC))


async def test_a_reader_that_falls_behind_is_let_go_and_the_others_are_not(market: Market) -> None:
    hub = SnapshotHub(market.database, market.clock, market.seal, depth=10)
    slow, quick = hub.stream(), hub.stream()
    for stream in (slow, quick):
        for _ in range(2):
            await anext(stream)
    heard = b""
    for number in range(5):
        await hub.hear([changed(number * 4 + n) for n in range(4)])
        heard += await anext(quick)
    assert heard.count(b"key_changed") == 20
    rest = [piece async for piece in slow]
    assert sum(piece.count(b"key_changed") for piece in rest) == 0
    assert hub.readers == 1
    await quick.aclose()
    assert hub.readers == 0


async def test_a_gateway_that_leaves_is_forgotten(gateway: httpx.AsyncClient, app: FastAPI) -> None:
    hub = running_of(app).snapshot_hub
    assert hub is not None
    async with listening(gateway):
        assert hub.readers == 1
    async with asyncio.timeout(120):
        while hub.readers:
            await asyncio.sleep(0.02)


async def test_a_change_while_the_snapshot_is_read_is_not_lost(market: Market) -> None:
    service, _ = await market.list_service(await market.people.join("acme"))
    hub = SnapshotHub(market.database, market.clock, market.seal)
    stream = hub.stream()
    assert b"begin" in await anext(stream)
    await hub.hear([Event(Place(1, 1), ServiceChanged(by="usr_1", service_id=service.id), market.clock.now())])
    pieces = [await anext(stream) for _ in range(3)]
    assert b'"ready"' in pieces[1]
    assert service.id.encode() in pieces[2]
    await stream.aclose()


async def test_closing_the_hub_ends_every_stream(market: Market) -> None:
    hub = SnapshotHub(market.database, market.clock, market.seal)
    stream = hub.stream()
    await anext(stream)
    hub.close()
    assert b"heartbeat" not in b"".join([piece async for piece in stream])


async def test_a_stream_that_begins_once_the_hub_is_closed_ends_at_once(market: Market) -> None:
    hub = SnapshotHub(market.database, market.clock, market.seal)
    hub.close()
    async with asyncio.timeout(60):
        assert [piece async for piece in hub.stream()] == []
    assert hub.readers == 0


async def test_a_gateway_that_does_not_read_is_let_go_and_holds_nothing(market: Market) -> None:
    hub = SnapshotHub(market.database, market.clock, market.seal)
    sent = 0

    async def send(message: Any) -> None:
        nonlocal sent
        sent += 1
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()  # as a full socket does

    await SnapshotAnswer(hub.stream(), stalled_seconds=0.05).stream_response(send)
    assert (sent, hub.readers) == (2, 0)


async def test_services_that_change_while_many_are_listed_arrive_over_a_slow_socket(
    gateway: httpx.AsyncClient, market: Market
) -> None:
    vendor = await market.people.join("acme")
    for n in range(5):
        await market.list_service(vendor, f"service-{n}")
    async with market.database.transaction() as session:
        await session.execute(text("UPDATE services SET title = repeat('x', 300000)"))
    async with gateway.stream("GET", "/internal/snapshot") as answer:
        pieces = answer.aiter_raw()
        await anext(pieces)
        async with market.database.transaction() as session:
            news = KeyChanged(by="usr_1", key_id="key_late", organisation_id="org_1")
            await market.outbox.add(session, news)
        read = b""
        async with asyncio.timeout(120):
            while b"key_late" not in read:
                read = read[-100:] + await anext(pieces)
