"""Answers of every framing go through whole, and what they used is read on the way."""

import asyncio
import json
from collections.abc import Callable

import pytest

from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, MakeShop, StartGateway
from tests.fakes.marketplace import a_deployment, a_limit, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import Received, Upstream, answer, chunk, held_until
from tests.support.waiting import until

USAGE = b'"usage":{"prompt_tokens":9,"total_tokens":9}}'
SMALL = b'{"data":[],' + USAGE
LARGE = b'{"data":[' + b",".join([b"0.123456789"] * 300_000) + b"]," + USAGE
KIND = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"

FRAMINGS: dict[str, Callable[[bytes], bytes]] = {
    "length": lambda body: KIND + b"content-length: %d\r\n\r\n" % len(body) + body,
    "chunks": lambda body: (
        KIND
        + b"transfer-encoding: chunked\r\n\r\n"
        + b"".join(chunk(body[place : place + 50_001]) for place in range(0, len(body), 50_001))
        + b"0\r\n\r\n"
    ),
    "close": lambda body: KIND + b"connection: close\r\n\r\n" + body,
    "interim": lambda body: (
        b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + KIND + b"content-length: %d\r\n\r\n" % len(body) + body
    ),
}


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("body", [SMALL, LARGE], ids=["small", "large"])
async def test_answers_arrive_whole_and_counted(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, control: ControlPlane, framing: str, body: bytes
) -> None:
    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(FRAMINGS[framing](body))
        if framing == "close":
            await writer.drain()
            writer.close()

    upstream.script = script
    place = shop()
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        for _ in range(2):
            answer = await client.post("/v1/embeddings", json=place.body())
            assert answer.status_code == 200
            assert answer.content == body
    await until(lambda: len(control.events) == 2)
    for event in control.events.values():
        assert (event.tokens_in, event.source, event.bytes_out) == (9, "provider", len(body))


@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
async def test_heads_that_differ_in_their_length_alone_keep_their_own(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, kind: str
) -> None:
    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        body = json.dumps({"scores": "x" * request.json["size"]}).encode()
        writer.write(answer(200, body, kind))

    upstream.script = script
    place = shop(name="acme/signal", protocol="openapi", operations=[("POST", "/score")])
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        # Often enough for a head to be learnt, at lengths below and above the one that was.
        for size in [40] * 20 + [4, 41, 40, 4000, 7, 39] * 10:
            found = await client.post("/s/acme/signal/score", json={"size": size})
            assert found.json() == {"scores": "x" * size}


async def raw(gateway: GatewayProcess, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(data)
    async with asyncio.timeout(60):
        got = await reader.read(-1)
    writer.close()
    return got


async def test_http_1_0_gets_a_body_that_ends_with_the_connection(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(b"one") + chunk(b"two") + b"0\r\n\r\n"
        )

    upstream.script = script
    place = shop(name="acme/files", protocol="openapi", operations=[("GET", "/file")])
    gateway = await start_gateway()
    got = await raw(gateway, f"GET /s/acme/files/file HTTP/1.0\r\nx-mercato-key: {place.key}\r\n\r\n".encode())
    head, _, body = got.partition(b"\r\n\r\n")
    assert body == b"onetwo"
    assert b"transfer-encoding" not in head
    assert b"connection: close" in head


async def test_a_client_that_asks_first_is_told_to_go_on(shop: MakeShop, start_gateway: StartGateway) -> None:
    place = shop()
    gateway = await start_gateway()
    body = json.dumps(place.body()).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    head = f"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {place.key}\r\nexpect: 100-continue\r\n"
    writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode())
    async with asyncio.timeout(60):
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


@pytest.mark.parametrize("ahead", [1, 2])
async def test_a_client_that_asks_behind_calls_under_way_is_told_to_go_on_once_they_are_answered(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, ahead: int
) -> None:
    gate = asyncio.Event()
    upstream.script = held_until(gate)
    place = shop()
    gateway = await start_gateway()
    body = json.dumps(place.body()).encode()
    head = f"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {place.key}\r\n"
    whole = f"{head}content-length: {len(body)}\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write((whole + body) * ahead + whole[:-2] + b"expect: 100-continue\r\n\r\n")
    await until(lambda: upstream.received)
    gate.set()
    async with asyncio.timeout(60):
        for _ in range(ahead):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(2) == b"{}"
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_deployment_at_its_limit_leaves_calls_to_the_other(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    narrow = a_deployment(
        upstream.url + "/v1", upstream_model="narrow", limits=[a_limit("deployment", "requests", "day", 3)]
    )
    wide = a_deployment(upstream.url + "/v1", upstream_model="wide")
    service = a_service("acme/embedder", [a_release("1.0.0", [narrow, wide])])
    control.put_service(service)
    key = a_subscriber(control, subscribe(service))
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        body = {"model": "acme/embedder", "input": "x"}
        codes = {(await client.post("/v1/embeddings", json=body)).status_code for _ in range(40)}
    assert codes == {200}
    assert [request.json["model"] for request in upstream.received].count("narrow") == 3


async def test_a_stream_of_changes_that_falls_silent_is_asked_for_anew(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    place = shop()
    gateway = await start_gateway()
    control.heartbeats = False
    async with gateway.client(place.key) as client:
        await until(lambda: len(gateway.events("snapshot_ready")) == 2, 15)
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
