"""A vendor's own secret goes to its endpoint, with every request, and nowhere else."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mercato_contracts.dataplane import SnapshotCredential, SnapshotService
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, MakeShop, Shop, StartGateway
from tests.fakes.marketplace import a_deployment, a_plan, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import STREAM_HEAD, Received, Upstream, answer, chunk
from tests.support.ports import free_port
from tests.support.waiting import until

OLD, NEW = "Bearer sk-test-4f9a1c7e5b3d", "Bearer sk-test-anOtherOne99"
VECTORS = b'{"object":"list","data":[],"usage":{"prompt_tokens":7,"total_tokens":7}}'


def bearing(value: str, header: str = "authorization") -> dict[str, Any]:
    return {"credential": SnapshotCredential(header=header, value=value)}


class Guard:
    """An endpoint's script that answers 401 unless exactly one field of that name holds what is in force there."""

    def __init__(self, *taken: str, header: str = "authorization") -> None:
        self.taken = set(taken)
        self.header = header
        self.seen: list[str] = []

    async def __call__(self, request: Received, reader: Any, writer: asyncio.StreamWriter) -> None:
        shown = [value for name, value in request.headers if name.replace("_", "-") == self.header]
        self.seen += shown or [""]
        if len(shown) == 1 and shown[0] in self.taken:
            writer.write(answer(200, VECTORS))
        else:
            writer.write(answer(401, b'{"error":{"message":"who are you?"}}'))


def change(control: ControlPlane, shop: Shop, **changes: Any) -> SnapshotService:
    """The shop's service with its one deployment changed, told to the gateway."""
    (release,) = shop.service.releases
    (deployment,) = release.deployments
    moved = release.model_copy(update={"deployments": [deployment.model_copy(update=changes)]})
    service = shop.service.model_copy(update={"releases": [moved]})
    control.put_service(service)
    return service


def everything_written(gateway: GatewayProcess) -> bytes:
    """The log, and each file of the gateway's folder."""
    files = [path.read_bytes() for path in gateway.state.rglob("*") if path.is_file()]
    return b"".join([json.dumps(gateway.log).encode(), *files])


@pytest.mark.parametrize("header", ["authorization", "x-api-key", "x-own_key"])
async def test_each_request_carries_it_in_place_of_what_the_client_sent(
    upstream: Upstream, start_gateway: StartGateway, shop: MakeShop, header: str
) -> None:
    place = shop(deployment=bearing(OLD, header))
    upstream.script = guard = Guard(OLD, header=header.replace("_", "-"))
    gateway = await start_gateway()
    spellings = {header: "the client's own", header.replace("-", "_"): "another spelling"}
    async with gateway.client() as client:
        for more in ({}, spellings, {"connection": f"close, {header}"}, {}):
            got = await client.post("/v1/embeddings", json=place.body(), headers={"x-mercato-key": place.key, **more})
            assert got.status_code == 200, got.text
            assert OLD not in got.text + str(got.headers)
    assert guard.seen == [OLD] * 4


async def test_other_services_and_fallbacks_of_other_vendors_get_none(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    plans = [a_plan(fallbacks=["umbrella/second"])]
    first = a_service("acme/first", [a_release("1.0.0", [a_deployment(nowhere, **bearing(OLD))])], plans=plans)
    second = a_service("umbrella/second", [a_release("1.0.0", [a_deployment(upstream.url + "/v1")])])
    for service in (first, second):
        control.put_service(service)
    key = a_subscriber(control, subscribe(first), subscribe(second))
    gateway = await start_gateway()
    body = {"model": "acme/first", "input": "x"}
    async with gateway.client(key) as client:
        for _ in range(3):
            assert (await client.post("/v1/embeddings", json=body)).status_code == 200
    assert len(upstream.received) == 3
    assert OLD not in str(upstream.received)


async def test_a_redirect_is_an_answer_and_takes_it_nowhere(
    upstream: Upstream, start_gateway: StartGateway, shop: MakeShop
) -> None:
    elsewhere = Upstream()
    await elsewhere.start()

    async def away(request: Received, reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(307, b"{}", extra=f"location: {elsewhere.url}/v1/embeddings\r\n"))

    upstream.script = away
    place = shop(deployment=bearing(OLD))
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 307
    assert upstream.received[0].header("authorization") == OLD
    assert elsewhere.connections == 0
    await elsewhere.stop()


async def test_an_answers_headers_never_say_it_back(
    upstream: Upstream, start_gateway: StartGateway, shop: MakeShop
) -> None:
    secret = OLD.removeprefix("Bearer ")

    async def echo(request: Received, reader: Any, writer: asyncio.StreamWriter) -> None:
        said = f"x-shown: {OLD}\r\nx-bare: key={secret};\r\nx-{secret}: 1\r\nx-kept: yes\r\n"
        if b"stream" in request.body:
            writer.write(STREAM_HEAD[:-2] + said.encode() + b"\r\n" + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
        else:
            writer.write(answer(200, VECTORS, extra=said))

    upstream.script = echo
    place = shop(deployment=bearing(OLD))
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        for _ in range(20):  # often enough for the head to be recognised by its bytes
            got = await client.post("/v1/embeddings", json=place.body())
            assert (got.status_code, got.headers["x-kept"]) == (200, "yes")
            assert secret not in str(got.headers)
        chat = {"model": place.model, "messages": [], "stream": True}
        streamed = await client.post("/v1/chat/completions", json=chat)
        assert streamed.headers["x-kept"] == "yes"
        assert secret not in str(streamed.headers)


async def test_health_checks_carry_it(control: ControlPlane, start_gateway: StartGateway) -> None:
    upstreams = [Upstream(), Upstream()]
    for each in upstreams:
        await each.start()
    deployments = [a_deployment(each.url + "/v1", health_path="/health", **bearing(OLD)) for each in upstreams]
    service = a_service("acme/embedder", [a_release("1.0.0", deployments)])
    control.put_service(service)
    key = a_subscriber(control, subscribe(service))
    guards = [Guard(OLD), Guard(OLD)]
    for each, guard in zip(upstreams, guards, strict=True):
        each.script = guard
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        for _ in range(8):
            got = await client.post("/v1/embeddings", json={"model": "acme/embedder", "input": "x"})
            assert got.status_code == 200
        await until(lambda: all(any(r.target == "/health" for r in each.received) for each in upstreams), 90)
    for each in upstreams:
        checks = [request for request in each.received if request.target == "/health"]
        assert {request.header("authorization") for request in checks} == {OLD}
        await each.stop()


async def test_nothing_that_the_gateway_writes_holds_it(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway, shop: MakeShop, tmp_path: Path
) -> None:
    place = shop(deployment=bearing(OLD))
    upstream.script = Guard(NEW)
    gateway = await start_gateway()

    async def broken(request: Received, reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no HTTP at all: " + OLD.encode() + b"\r\n\r\n")

    async with gateway.client(place.key) as client:
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 401
        upstream.script = broken
        failed = await client.post("/v1/embeddings", json=place.body())
        assert failed.status_code == 502
        assert "sk-test" not in failed.text
        # A line that this version cannot read: what is logged of it names the service, and nothing of its content.
        line = place.service.model_dump(mode="json")
        line["releases"][0]["deployments"][0]["weight"] = "many"
        line["releases"][0]["deployments"][0]["credential"]["value"] = "sk-test-first-in-the-line"
        control._push(json.dumps({"releases": line.pop("releases"), **line}))
        (said,) = await until(lambda: gateway.events("snapshot_line_unreadable"))
        assert said["service"] == place.service.id
        assert (await client.get("/v1/models")).status_code == 200
    await until(lambda: len(control.events) >= 2)
    page = await gateway.metric("mercato_gateway_services")
    assert page == 1
    await gateway.stop()
    assert b"sk-test" not in everything_written(gateway)
    assert "sk-test" not in str(control.events)


def test_no_repr_holds_it() -> None:
    import msgspec

    from mercato_gateway import wire

    found = a_deployment("http://127.0.0.1:1/v1", **bearing(OLD))
    read = msgspec.json.decode(found.model_dump_json(), type=wire.SnapshotDeployment)
    assert read.credential is not None
    assert read.credential.value == OLD
    for shown in (repr(found), str(found), repr(read), str(read), repr(read.credential)):
        assert "authorization" in shown
        assert "sk-test" not in shown


async def test_a_rotated_secret_costs_no_call(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway, shop: MakeShop
) -> None:
    place = shop(deployment={**bearing(OLD), "max_connections": 4})
    upstream.script = guard = Guard(OLD, NEW)
    gateway = await start_gateway()
    statuses: list[int] = []
    done = asyncio.Event()

    async def call_on() -> None:
        async with gateway.client(place.key) as client:
            while not done.is_set():
                statuses.append((await client.post("/v1/embeddings", json=place.body())).status_code)

    # More callers than connections: some wait for one while the secret changes.
    callers = [asyncio.create_task(call_on()) for _ in range(16)]
    for value in (NEW, OLD, NEW):
        seen = len(guard.seen)
        change(control, place, **bearing(value), max_connections=4)
        await until(lambda: value in guard.seen[seen:])  # noqa: B023  (awaited within the round)
    # In force at the gateway: the provider drops the old one once what was under way with it has ended.
    seen = len(guard.seen)
    await until(lambda: len(guard.seen) > seen + 200)
    guard.taken = {NEW}
    seen = len(guard.seen)
    await until(lambda: len(guard.seen) > seen + 500)
    done.set()
    await asyncio.gather(*callers)
    assert set(statuses) == {200}
    assert set(guard.seen[seen:]) == {NEW}
    assert len(statuses) == len(upstream.received)


async def test_one_that_is_taken_away_is_sent_no_more(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway, shop: MakeShop
) -> None:
    place = shop(deployment=bearing(OLD))
    upstream.script = Guard(OLD)
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
        change(control, place, credential=None, weight=0)

        async def refused() -> bool:
            return (await client.post("/v1/embeddings", json=place.body())).status_code == 503

        await until(refused)
        seen = len(upstream.received)
        assert await refused()
        assert len(upstream.received) == seen
