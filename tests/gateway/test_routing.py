"""Where calls go: published operations, deployments that fail, drains. Versions are in `test_releases`."""

import asyncio
from typing import Any

import openai
import pytest

from mercato_contracts.dataplane import SnapshotService
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import MakeShop, Shop, StartGateway
from tests.fakes.marketplace import a_deployment, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import Received, Upstream, answer, held_until
from tests.support.ports import free_port
from tests.support.waiting import until

OPERATIONS = [("GET", "/rounds"), ("GET", "/rounds/{round}"), ("POST", "/signals"), ("DELETE", "/rounds/{round}")]


async def test_only_published_operations_are_passed_on(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, control: ControlPlane
) -> None:
    place = shop(name="acme/signals", protocol="signal", operations=OPERATIONS)
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        found = await client.get("/s/acme/signals/rounds/7?a=b&c=%2F")
        ranged = await client.post(
            "/s/acme/signals@^1.0/signals", content=b"raw", headers={"content-type": "text/plain"}
        )
        unknown = await client.get("/s/acme/signals/secrets")
        wrong = await client.put("/s/acme/signals/rounds/7")
        climbing = await client.get("/s/acme/signals/rounds/%2e%2e/secrets")
    assert (found.status_code, ranged.status_code) == (200, 200)
    assert [request.target for request in upstream.received] == ["/rounds/7?a=b&c=%2F", "/signals"]
    assert upstream.received[1].body == b"raw"
    assert unknown.status_code == 404
    assert unknown.headers["content-type"] == "application/problem+json"
    assert "GET /rounds/{round}" in unknown.json()["facts"]["operations"]
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "DELETE, GET")
    assert climbing.status_code == 400
    await until(lambda: len(control.events) == 2)
    assert {event.operation for event in control.events.values()} == {"GET /rounds/{round}", "POST /signals"}


async def test_any_path_where_the_vendor_says_so(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    place = shop(name="acme/mock", protocol="openapi", paths="any")
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        assert (await client.patch("/s/acme/mock/v1/whatever/1")).status_code == 200
        head = await client.head("/s/acme/mock/v1/whatever/1")
    assert upstream.received[0].target == "/v1/whatever/1"
    assert head.status_code == 200
    assert head.content == b""


async def test_a_dead_deployment_is_passed_over(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    dead = a_deployment(f"http://127.0.0.1:{free_port()}/v1")
    service = a_service("acme/embedder", [a_release("1.0.0", [dead, a_deployment(upstream.url + "/v1")])])
    control.put_service(service)
    key = a_subscriber(control, subscribe(service))
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        codes = [
            (await client.post("/v1/embeddings", json={"model": "acme/embedder", "input": "x"})).status_code
            for _ in range(20)
        ]
    assert codes == [200] * 20
    await until(lambda: len(control.events) == 20)


async def test_an_unreachable_or_silent_service_is_told_apart_and_free(
    control: ControlPlane, upstream: Upstream, shop: MakeShop, start_gateway: StartGateway
) -> None:
    async def silent(request: Received, reader: object, writer: object) -> None:
        await asyncio.Event().wait()

    upstream.script = silent
    place = shop(deployment={"timeout_ms": 300})
    gone = a_service("acme/gone", [a_release("1.0.0", [a_deployment(f"http://127.0.0.1:{free_port()}/v1")])])
    control.put_service(gone)
    key = a_subscriber(control, place.subscription, subscribe(gone))
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        timeout = await client.post("/v1/embeddings", json=place.body())
        unreachable = await client.post("/v1/embeddings", json={"model": "acme/gone", "input": "x"})
    assert (timeout.status_code, timeout.json()["error"]["code"]) == (504, "upstream_timeout")
    assert (unreachable.status_code, unreachable.json()["error"]["code"]) == (502, "upstream_unreachable")
    await until(lambda: len(control.events) == 2)
    assert {(event.status, event.price_nanos) for event in control.events.values()} == {(504, 0), (502, 0)}


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
async def test_the_upstreams_own_answers_pass_through(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, control: ControlPlane, status: int
) -> None:
    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status, b'{"error":{"message":"theirs"}}', extra="location: http://127.0.0.1:1/inside\r\n"))

    upstream.script = script
    place = shop(plan={"per_call_nanos": 5})
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        got = await client.post("/v1/embeddings", json=place.body())
    assert (got.status_code, got.json()["error"]["message"]) == (status, "theirs")
    assert len(upstream.received) == 1
    event = (await until(lambda: list(control.events.values())))[0]
    assert (event.status, event.price_nanos) == (status, 0 if status in (429, 500, 503) else 5)


async def test_a_private_address_is_refused_unless_it_was_checked(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    service = a_service("acme/inside", [a_release("1.0.0", [a_deployment(upstream.url + "/v1", addresses=[])])])
    control.put_service(service)
    key = a_subscriber(control, subscribe(service))
    strict, lenient = (
        await start_gateway(name="strict"),
        await start_gateway(name="lenient", allow_private_upstreams=True),
    )
    body = {"model": "acme/inside", "input": "x"}
    async with strict.client(key) as one, lenient.client(key) as two:
        assert (await one.post("/v1/embeddings", json=body)).status_code == 502
        assert upstream.connections == 0
        assert (await two.post("/v1/embeddings", json=body)).status_code == 200


async def test_changes_of_the_catalogue_arrive_within_a_second(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    place = shop()
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
        control.remove_service(place.service.id)

        async def gone() -> bool:
            return (await client.post("/v1/embeddings", json=place.body())).status_code == 404

        await until(gone, 1.0)
        control.put_service(place.service)

        async def back() -> bool:
            return (await client.post("/v1/embeddings", json=place.body())).status_code == 200

        await until(back, 1.0)


async def test_sigterm_lets_calls_in_flight_end_and_gives_leases_back(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, control: ControlPlane
) -> None:
    gate = asyncio.Event()
    upstream.script = held_until(gate)
    place = shop()
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        calls = [asyncio.create_task(client.post("/v1/embeddings", json=place.body())) for _ in range(5)]
        await until(lambda: len(upstream.received) == 5)
        stopping = asyncio.create_task(gateway.stop())
        await until(lambda: gateway.events("gateway_draining"))
        gate.set()
        assert {got.status_code for got in await asyncio.gather(*calls)} == {200}
        await stopping
    assert len(control.events) == 5
    assert all(lease.closed for lease in control.leases.values())


async def test_a_dead_worker_is_replaced(shop: MakeShop, start_gateway: StartGateway) -> None:
    import os
    import signal

    place = shop()
    gateway = await start_gateway(workers=2)
    await until(lambda: len(gateway.events("gateway_started")) == 2)
    os.kill(gateway.events("gateway_started")[0]["pid"], signal.SIGKILL)
    await until(lambda: len(gateway.events("gateway_started")) == 3)
    assert gateway.events("gateway_started")[2]["gateway"] == gateway.events("gateway_started")[0]["gateway"]
    async with gateway.client(place.key) as client:
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200


@pytest.fixture
def sdk(shop: MakeShop) -> Any:
    def make(port: int, key: str) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=key, max_retries=0)

    return make


async def test_the_unmodified_openai_sdk_works_and_raises_its_own_exceptions(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, sdk: Any
) -> None:
    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        found = b'{"object":"list","model":"e5","data":[{"object":"embedding","index":0,"embedding":[0.5]}],'
        body = found + b'"usage":{"prompt_tokens":1,"total_tokens":1}}'
        writer.write(answer(200, body))

    upstream.script = script
    place: Shop = shop()
    gateway = await start_gateway()
    client = sdk(gateway.port, place.key)
    found = await asyncio.to_thread(client.embeddings.create, model=place.model, input="hello")
    assert found.data[0].embedding
    models = await asyncio.to_thread(lambda: list(client.models.list()))
    assert [model.id for model in models] == [place.model]
    assert (await asyncio.to_thread(client.models.retrieve, place.model)).id == place.model
    with pytest.raises(openai.NotFoundError):
        await asyncio.to_thread(client.embeddings.create, model="acme/nothing", input="hello")
    with pytest.raises(openai.AuthenticationError):
        await asyncio.to_thread(sdk(gateway.port, "sk-wrong").embeddings.create, model=place.model, input="hello")


async def test_a_name_that_another_service_took_is_the_others(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    """The news that its first holder is gone comes after the news of the second, as it may with a whole snapshot."""

    def named(name: str, model: str) -> SnapshotService:
        release = a_release("1.0.0", [a_deployment(upstream.url + "/v1", upstream_model=model)])
        return a_service(name, [release])

    old, new = named("acme/embedder", "old"), named("acme/embedder", "new")
    control.put_service(old)
    key = a_subscriber(control, subscribe(old), subscribe(new))
    gateway = await start_gateway()
    async with gateway.client(key) as client:

        async def model() -> str:
            sent = await client.post("/v1/embeddings", json={"model": "acme/embedder", "input": "a"})
            assert sent.status_code == 200, sent.text
            return str(upstream.received[-1].json["model"])

        async def is_new() -> bool:
            return await model() == "new"

        assert await model() == "old"
        control.put_service(new)
        await until(is_new)
        control.remove_service(old.id)
        control.put_service(named("acme/other", "other"))

        async def both_known() -> bool:
            return await gateway.metric("mercato_gateway_services") == 2

        await until(both_known)
        assert await model() == "new"
