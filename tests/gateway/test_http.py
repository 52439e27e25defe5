"""The HTTP surface under attack: framing, sizes, times, injected headers. Each test talks raw bytes to a running
gateway.
"""

import asyncio
import json
import re
import socket

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, MakeShop, StartGateway
from tests.fakes.upstream import Received, Upstream, held_until
from tests.support.waiting import until


async def exchange(gateway: GatewayProcess, data: bytes, *, seconds: float = 5.0) -> bytes:
    """All that comes back until the gateway closes, or until it has been silent for a moment."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(data)
    got = b""
    try:
        async with asyncio.timeout(seconds):
            while piece := await reader.read(65_536):
                got += piece
    except TimeoutError:
        pass
    writer.transport.abort()
    return got


def post(extra: str, body: str = "", line: str = "POST /v1/embeddings HTTP/1.1") -> bytes:
    return f"{line}\r\nhost: x\r\n{extra}\r\n\r\n{body}".encode("latin-1")


SMUGGLED = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.parametrize(
    "attack",
    [
        post("content-length: 3\r\ntransfer-encoding: chunked", "0\r\n\r\n" + SMUGGLED),
        post("transfer-encoding: chunked\r\ncontent-length: 3", "0\r\n\r\n" + SMUGGLED),
        post("content-length: 3\r\ncontent-length: 4", "abc" + SMUGGLED),
        post("content-length: 3, 3", "abc" + SMUGGLED),
        post("content-length: +3", "abc" + SMUGGLED),
        post("content-length: -1", SMUGGLED),
        post("content-length: 0x3", "abc" + SMUGGLED),
        post("transfer-encoding: xchunked", "0\r\n\r\n" + SMUGGLED),
        post("transfer-encoding: chunked, identity", "0\r\n\r\n" + SMUGGLED),
        post("transfer-encoding: gzip, chunked", "0\r\n\r\n" + SMUGGLED),
        post("transfer-encoding: chunked\r\ntransfer-encoding: chunked", "0\r\n\r\n" + SMUGGLED),
        post("transfer-encoding:\x0bchunked", "0\r\n\r\n" + SMUGGLED),
        post("transfer-encoding: chunked", "0\r\n\r\n" + SMUGGLED, line="POST /v1/embeddings HTTP/1.0"),
        post("content-length : 3", "abc" + SMUGGLED),
        post("x: a\r\n content-length: 3", "abc" + SMUGGLED),
        post("x: a\nx-b: c"),
        post("x: a\rx-b: c"),
        post("x: a\x00b"),
        post("transfer-encoding: chunked", "1\nx\r\n0\r\n\r\n" + SMUGGLED),
        post("transfer-encoding: chunked", "-1\r\nx\r\n0\r\n\r\n" + SMUGGLED),
        post("transfer-encoding: chunked", "fffffffffffffffff\r\nx"),
        post("host: y"),
        b"GET /healthz HTTP/1.1\r\n\r\n" + SMUGGLED.encode(),
        b"GET /healthz\r\n\r\n" + SMUGGLED.encode(),
        b"GET /healthz HTTP/1.1\nhost: x\n\n" + SMUGGLED.encode(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n" + SMUGGLED.encode(),
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n" + SMUGGLED.encode(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_ambiguous_framing_is_refused_and_the_connection_closed(gateway: GatewayProcess, attack: bytes) -> None:
    got = await exchange(gateway, attack)
    assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501")), got[:200]
    assert len(re.findall(rb"HTTP/1\.1 \d\d\d ", got)) == 1, "what follows must not be taken for another request"
    assert b"connection: close" in got


@pytest.mark.parametrize(
    "line",
    [
        "GET  /healthz HTTP/1.1", "GET /healthz  HTTP/1.1", "GET   /healthz   HTTP/1.1", "GET\t/healthz HTTP/1.1",
        "GET /healthz\tHTTP/1.1", "GET /healthz HTTP/1.1 ", " GET /healthz HTTP/1.1", "GET /healthz HTTP/1.1\t",
        "GET \t/healthz HTTP/1.1", "GET /healthz HTTP /1.1", "GET /healthz HTTP/ 1.1", "GET /healthz /x HTTP/1.1",
        "GET  http://x/healthz HTTP/1.1", "GET /healthz\x0bHTTP/1.1", "GET /healthz\x0cHTTP/1.1",
    ],
)  # fmt: skip
async def test_a_request_line_has_one_blank_between_its_parts(gateway: GatewayProcess, line: str) -> None:
    request = f"{line}\r\nhost: x\r\n\r\n"
    good = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    assert (await exchange(gateway, request.encode())).startswith(b"HTTP/1.1 400")
    behind = await exchange(gateway, (good + request).encode())
    assert behind.startswith(b"HTTP/1.1 200")
    assert behind.count(b"HTTP/1.1 200") == 1


async def test_a_request_is_read_in_whatever_parts_it_comes(gateway: GatewayProcess) -> None:
    body = "POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nabcde"
    whole = (
        "\r\n" + "GET /healthz?a=b HTTP/1.1\r\nhost: x\r\n\r\n" + body * 2 + "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    ).encode()
    for size in (1, 2, 7, 30, 61, 100, len(whole)):
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(whole), size):
            writer.write(whole[at : at + size])
            await writer.drain()
            await asyncio.sleep(0)
        got = b""
        async with asyncio.timeout(30):
            while got.count(b"HTTP/1.1 ") < 4 or not got.endswith(b"}"):
                got += await reader.read(65_536)
        assert re.findall(rb"HTTP/1\.1 (\d+)", got) == [b"200", b"405", b"405", b"200"], size
        writer.close()


async def test_large_headers_targets_and_bodies_are_refused(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(max_body_bytes=10_000)
    many = "\r\n".join(f"x-{number}: y" for number in range(300))
    assert (await exchange(gateway, post(many))).startswith(b"HTTP/1.1 431")
    assert (await exchange(gateway, post("x: " + "y" * 100_000))).startswith(b"HTTP/1.1 431")
    assert (await exchange(gateway, b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nhost: x\r\n\r\n")).startswith(
        b"HTTP/1.1 414"
    )
    assert (await exchange(gateway, post("content-length: 10001"))).startswith(b"HTTP/1.1 413")
    chunks = "1000\r\n" + "x" * 4096 + "\r\n"
    assert (await exchange(gateway, post("transfer-encoding: chunked", chunks * 3))).startswith(b"HTTP/1.1 413")
    crumbs = f"1;{'e' * 200}\r\nx\r\n"
    assert (await exchange(gateway, post("transfer-encoding: chunked", crumbs * 2000))).startswith(b"HTTP/1.1 400")


async def test_slow_clients_are_shown_the_door(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(header_timeout=1, body_timeout=1, idle_timeout=1)
    head, body, idle = await asyncio.gather(
        exchange(gateway, b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow"),
        exchange(gateway, post("content-length: 10", "abc")),
        exchange(gateway, b""),
    )
    assert head.startswith(b"HTTP/1.1 408")
    assert body.startswith(b"HTTP/1.1 408")
    assert idle == b""


async def test_pipelined_calls_are_answered_in_order(gateway: GatewayProcess) -> None:
    got = await exchange(
        gateway, SMUGGLED.encode() * 3 + b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    )
    assert got.count(b"HTTP/1.1 200 OK") == 4
    assert b'{"status":"ready","version":"' in got


async def test_what_cannot_be_read_behind_a_call_ends_the_connection_only_after_its_answer(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    go = asyncio.Event()
    upstream.script = held_until(go, b'{"data":[],"usage":{"prompt_tokens":7,"total_tokens":7}}')
    place = shop()
    gateway = await start_gateway()
    body = json.dumps(place.body())
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(post(f"x-mercato-key: {place.key}\r\ncontent-length: {len(body)}", body))
    await until(lambda: upstream.received)
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n" + b"no request at all\r\n\r\n")

    async def noticed() -> bool:
        return await gateway.metric("mercato_gateway_parse_errors") == 1

    await until(noticed)
    go.set()
    async with asyncio.timeout(60):
        got = await reader.read()
    writer.close()
    assert got.startswith(b"HTTP/1.1 200 OK"), got
    assert got.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in got


@pytest.mark.parametrize("part", [b'"x":"\xff","y":"\\u0041"', b'"x":1e999,"y":"\\u0041"', b'"\xff":1,"y":"\\u0041"'])
async def test_a_body_that_cannot_be_written_anew_costs_nobody_a_connection(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, part: bytes
) -> None:
    place = shop(deployment={"max_connections": 1})
    gateway = await start_gateway()
    bad = b'{"model":"%b","input":"a",%b}' % (place.model.encode(), part)
    async with gateway.client(place.key) as client:
        for _ in range(3):
            refused = await client.post("/v1/embeddings", content=bad)
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "bad_body")
            assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
    assert len(upstream.received) == 3
    assert upstream.connections == 1


async def test_a_body_that_cannot_be_written_anew_harms_no_call_whose_connection_it_waited_for(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    go = asyncio.Event()
    upstream.script = held_until(go, b'{"data":[],"usage":{"prompt_tokens":7,"total_tokens":7}}')
    place = shop(deployment={"max_connections": 1})
    gateway = await start_gateway()
    bad = b'{"model":"%b","input":"a","x":"\xff","y":"\\u0041"}' % place.model.encode()
    async with gateway.client(place.key) as client:
        first = asyncio.create_task(client.post("/v1/embeddings", json=place.body()))
        await until(lambda: upstream.received)
        second = asyncio.create_task(client.post("/v1/embeddings", content=bad))

        async def waits() -> bool:
            return await gateway.metric("mercato_gateway_calls_in_flight") == 2

        await until(waits)
        go.set()
        assert (await first).status_code == 200
        assert (await second).status_code == 400
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
    assert await gateway.metric("mercato_gateway_calls_in_flight") == 0


async def test_an_answer_without_content_tells_no_length(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n")

    upstream.script = script
    place = shop(name="acme/signal", protocol="openapi", operations=[("POST", "/score")])
    gateway = await start_gateway()
    got = await exchange(
        gateway, post(f"x-mercato-key: {place.key}\r\nconnection: close", line="POST /s/acme/signal/score HTTP/1.1")
    )
    assert got.startswith(b"HTTP/1.1 204 ")
    assert b"content-length" not in got


async def test_fields_of_one_hop_and_of_ours_do_not_go_through(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: x-hop\r\nx-hop: 1\r\nx-mercato-overhead-us: 0\r\n"
            b"set-cookie: a=b\r\nx-request-id: theirs\r\nx-kept: yes\r\nkeep-alive: timeout=5\r\n\r\n{}"
        )

    upstream.script = script
    place = shop()
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        sent = {
            "connection": "x-private",
            "x-private": "1",
            "te": "trailers",
            "x-forwarded-for": "1.2.3.4",
            "x-kept": "yes",
        }
        answer = await client.post("/v1/embeddings", json=place.body(), headers=sent)
    names = [name for name, _ in upstream.received[0].headers]
    assert "x-kept" in names
    assert not {"x-private", "te", "x-forwarded-for", "connection", "authorization"} & set(names)
    assert answer.headers["x-kept"] == "yes"
    assert answer.headers["x-request-id"].startswith("req_")
    assert not {"x-hop", "set-cookie", "keep-alive"} & set(answer.headers)


async def test_a_second_answer_of_the_upstream_reaches_nobody(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        one = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n"
        writer.write(one + b'{"a":1}' + one + b'{"b":2}')

    upstream.script = script
    place = shop()
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        answers = [await client.post("/v1/embeddings", json=place.body()) for _ in range(5)]
    assert {answer.text for answer in answers} == {'{"a":1}'}


@pytest.mark.parametrize(
    "nonsense",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
)
async def test_an_upstream_that_speaks_nonsense_is_a_502_and_costs_nothing(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, control: ControlPlane, nonsense: bytes
) -> None:
    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(nonsense)

    upstream.script = script
    place = shop(plan={"per_call_nanos": 5}, name="acme/chat")
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        answer = await client.post("/v1/chat/completions", json={"model": place.model, "messages": []})
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_bad_answer")
    event = (await until(lambda: list(control.events.values())))[0]
    assert (event.status, event.price_nanos) == (502, 0)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"model":5}', b"\xff\xfe", b"[" * 100_000, b'{"input":"x"}', b'{"model":""}']
)
async def test_malformed_bodies_are_refused_clearly(shop: MakeShop, start_gateway: StartGateway, body: bytes) -> None:
    place = shop()
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        answer = await client.post("/v1/embeddings", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("bad_body", "model_missing")
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "body",
    [
        '{"model":"other","model":"acme/embedder","input":"x"}',
        '{"\\u006dodel":"acme/embedder","input":"x"}',
        '{"model":"acme/embedder","input":"\\"model\\": \\"sneaky\\""}',
        '{"tools":{"model":"inner"},"model" : "acme/embedder"}',
    ],
)
async def test_upstream_reads_no_other_model_than_ours(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, body: str
) -> None:
    place = shop()
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        assert (await client.post("/v1/embeddings", content=body)).status_code == 200
    assert upstream.received[0].json["model"] == "e5"
    assert b'"other"' not in upstream.received[0].body


CALL_BY_VOICE = '{"model":"%s","max_output_tokens":"inf","n":1.5,"max_tokens":null,"stream":"no","prompt":{"id":"p"}}'


async def test_numbers_of_operations_that_we_do_not_know_go_through_as_they_stand(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    """`"max_output_tokens": "inf"` is how a call is accepted by voice; the model is still ours to name."""
    place = shop(paths="any")
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        for path in ("realtime/calls/1/accept", "sessions"):
            said = CALL_BY_VOICE % place.model
            answer = await client.post(f"/s/{place.model}/{path}", content=said)
            assert answer.status_code == 200, answer.text
            assert upstream.received[-1].body.decode() == CALL_BY_VOICE % "e5"
        for model in ("null", "7", '["other"]', '{"name":"other"}'):
            said = f'{{"model":{model},"max_output_tokens":"inf"}}'
            assert (await client.post(f"/s/{place.model}/sessions", content=said)).status_code == 400
        for path in ("completions", "responses"):
            said = CALL_BY_VOICE % place.model
            assert (await client.post(f"/s/{place.model}/{path}", content=said)).status_code == 400
    assert len(upstream.received) == 2


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    noise=st.binary(max_size=300)
    | st.from_regex(rb"(GET|POST) /[ -~]{0,40} HTTP/1\.[01]\r\n([a-z-]{1,12}: ?[ -~]{0,20}\r\n){0,6}\r\n.{0,40}")
)
async def test_no_bytes_break_the_gateway(gateway: GatewayProcess, noise: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(noise)
    writer.write_eof()
    async with asyncio.timeout(60):
        got = await reader.read(65_536)
    writer.transport.abort()
    assert got == b"" or got.startswith(b"HTTP/1.1 ")
    assert b"internal_error" not in got


async def test_the_gateway_still_serves_after_all_that(shop: MakeShop, gateway: GatewayProcess) -> None:
    place = shop()
    async with gateway.client(place.key) as client:

        async def served() -> bool:
            return (await client.post("/v1/embeddings", json=place.body())).status_code == 200

        await until(served)
        assert (await client.get("/nowhere")).status_code in (404,)
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"http://127.0.0.1:{gateway.admin}/healthz")).status_code == 200
