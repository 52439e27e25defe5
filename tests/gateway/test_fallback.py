"""A plan's fallback services: who gets the call, who is paid for it, and when there is none."""

import asyncio
from typing import Any

import pytest

from mercato_contracts.dataplane import SnapshotService
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import StartGateway
from tests.fakes.marketplace import a_deployment, a_limit, a_plan, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import Received, Upstream, answer
from tests.support.ports import free_port
from tests.support.waiting import until

CHAT = {"model": "acme/first", "messages": [{"role": "user", "content": "hello"}]}
VECTORS = {"model": "acme/first", "input": "x"}


def offered(control: ControlPlane, name: str, url: str, price: int, *fallbacks: str, **changes: Any) -> SnapshotService:
    """A service with one deployment and one price a call."""
    plan = a_plan(per_call_nanos=price, fallbacks=list(fallbacks))
    deployments = [a_deployment(url, upstream_model=name, **changes)]
    service = a_service(name, [a_release("1.0.0", deployments)], plans=[plan])
    control.put_service(service)
    return service


def nowhere() -> str:
    return f"http://127.0.0.1:{free_port()}/v1"


@pytest.mark.parametrize("weight", [0, 100])
async def test_a_call_that_no_deployment_takes_is_the_fallbacks_in_every_respect(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway, weight: int
) -> None:
    first = offered(control, "acme/first", nowhere(), 5, "acme/gone", "umbrella/second", weight=weight)
    second = offered(control, "umbrella/second", upstream.url + "/v1", 7)
    own, other = (a_limit("subscription", "nanos", "month", 100) for _ in range(2))
    subscriptions = subscribe(first, own), subscribe(second, other)
    key = a_subscriber(control, *subscriptions)
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        assert (await client.post("/v1/chat/completions", json=CHAT)).status_code == 200
        assert await gateway.metric("mercato_gateway_fallbacks_total") == 1
    assert upstream.received[0].json["model"] == "umbrella/second"
    (event,) = (await until(lambda: list(control.events.values())))[:1]
    assert (event.service_id, event.vendor_id) == (second.id, second.vendor_id)
    assert (event.subscription_id, event.plan_id, event.price_nanos) == (subscriptions[1].id, second.plans[0].id, 7)
    assert (control.spent(own.scope), control.spent(other.scope)) == (0, 7)
    assert event.asked_service_id == first.id


async def test_without_a_subscription_to_it_a_fallback_is_none(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    first = offered(control, "acme/first", nowhere(), 5, "umbrella/second")
    offered(control, "umbrella/second", upstream.url + "/v1", 7)
    gateway = await start_gateway()
    async with gateway.client(a_subscriber(control, subscribe(first))) as client:
        refused = await client.post("/v1/chat/completions", json=CHAT)
    assert (refused.status_code, refused.json()["error"]["code"]) == (502, "upstream_unreachable")
    assert upstream.received == []
    (event,) = (await until(lambda: list(control.events.values())))[:1]
    assert (event.service_id, event.price_nanos, event.status) == (first.id, 0, 502)
    assert event.asked_service_id is None


async def test_a_fallback_has_its_own_limits_and_two_services_that_name_each_other_end(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    first = offered(control, "acme/first", nowhere(), 5, "umbrella/second")
    second = offered(control, "umbrella/second", nowhere(), 7, "acme/first")
    third = offered(control, "acme/third", nowhere(), 5, "acme/full")
    full = offered(control, "acme/full", upstream.url + "/v1", 7)
    used_up = a_limit("subscription", "requests", "month", 0)
    key = a_subscriber(control, subscribe(first), subscribe(second), subscribe(third), subscribe(full, used_up))
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        assert (await client.post("/v1/chat/completions", json=CHAT)).status_code == 502
        assert (await client.post("/v1/chat/completions", json={**CHAT, "model": "acme/third"})).status_code == 502
    assert upstream.received == []
    assert not await gateway.metric("mercato_gateway_calls_in_flight")


@pytest.mark.parametrize(("path", "body", "status"), [("chat/completions", CHAT, 502), ("embeddings", VECTORS, 200)])
async def test_what_reached_the_vendor_falls_back_only_where_it_is_idempotent(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway, path: str, body: Any, status: int
) -> None:
    breaking = Upstream()

    async def breaks_off(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    breaking.script = breaks_off
    await breaking.start()
    first = offered(control, "acme/first", breaking.url + "/v1", 5, "umbrella/second")
    second = offered(control, "umbrella/second", upstream.url + "/v1", 7)
    gateway = await start_gateway()
    async with gateway.client(a_subscriber(control, subscribe(first), subscribe(second))) as client:
        assert (await client.post(f"/v1/{path}", json=body)).status_code == status
    assert len(breaking.received) >= 1
    await until(lambda: control.events)
    assert {event.service_id for event in control.events.values()} == {(second if status == 200 else first).id}
    await breaking.stop()


async def test_what_a_service_answers_is_no_reason_to_fall_back(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    async def fails(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(503, b'{"error":{"message":"theirs"}}'))

    upstream.script = fails
    first = offered(control, "acme/first", upstream.url + "/v1", 5, "umbrella/second")
    second = offered(control, "umbrella/second", nowhere(), 7)
    gateway = await start_gateway()
    async with gateway.client(a_subscriber(control, subscribe(first), subscribe(second))) as client:
        assert (await client.post("/v1/chat/completions", json=CHAT)).json()["error"]["message"] == "theirs"
    assert len(upstream.received) == 1


@pytest.mark.parametrize("known", [False, True])
async def test_a_fallback_whose_limits_refuse_is_passed_over_whether_or_not_that_was_known_before(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway, known: bool
) -> None:
    first = offered(control, "acme/first", nowhere(), 5, "acme/full", "umbrella/second")
    full = offered(control, "acme/full", upstream.url + "/v1", 7)
    second = offered(control, "umbrella/second", upstream.url + "/v1", 9)
    used_up = a_limit("subscription", "requests", "month", 0)
    key = a_subscriber(control, subscribe(first), subscribe(full, used_up), subscribe(second))
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        if known:
            assert (await client.post("/v1/embeddings", json={**VECTORS, "model": "acme/full"})).status_code == 429
        assert (await client.post("/v1/chat/completions", json=CHAT)).status_code == 200
    (event,) = (await until(lambda: list(control.events.values())))[:1]
    assert (event.service_id, event.asked_service_id, event.price_nanos) == (second.id, first.id, 9)


async def test_a_call_that_no_fallback_took_counts_as_a_request_of_its_own_service(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    first = offered(control, "acme/first", nowhere(), 5, "acme/full")
    full = offered(control, "acme/full", upstream.url + "/v1", 7)
    counted, used_up = a_limit("subscription", "requests", "month", 10), a_limit("subscription", "requests", "month", 0)
    gateway = await start_gateway()
    async with gateway.client(a_subscriber(control, subscribe(first, counted), subscribe(full, used_up))) as client:
        for _ in range(2):  # what the fallback refuses is known here at the second
            assert (await client.post("/v1/chat/completions", json=CHAT)).status_code == 502
    await until(lambda: control.spent(counted.scope) == 2)
    assert {event.service_id for event in control.events.values()} == {first.id}
    assert {event.asked_service_id for event in control.events.values()} == {None}


async def test_the_service_that_was_asked_for_is_no_fallback_of_its_own(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    first = offered(control, "acme/first", nowhere(), 5, "umbrella/second", "acme/first")
    second = offered(control, "umbrella/second", nowhere(), 7)
    gateway = await start_gateway()
    async with gateway.client(a_subscriber(control, subscribe(first), subscribe(second))) as client:
        assert (await client.post("/v1/chat/completions", json=CHAT)).status_code == 502
    (event,) = (await until(lambda: list(control.events.values())))[:1]
    assert (event.service_id, event.asked_service_id, event.price_nanos) == (second.id, first.id, 0)
