"""Streams: counted truthfully, passed on untouched, whatever the upstream or the client does."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, MakeShop, Shop, StartGateway
from tests.fakes.upstream import STREAM_HEAD, Received, Upstream, answer, chunk
from tests.gateway.expected import expect
from tests.support.waiting import until

Script = Callable[[Received, asyncio.StreamReader, asyncio.StreamWriter], Any]


def delta(text: str) -> bytes:
    piece = {
        "id": "c",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": text}}],
        "usage": None,
    }
    return b"data: " + json.dumps(piece, ensure_ascii=False).encode() + b"\n\n"


USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":11,"completion_tokens":22,"total_tokens":33}}\n\n'
DONE = b"data: [DONE]\n\n"


def streaming(*pieces: bytes, end: bool = True) -> Script:
    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for piece in pieces:
            writer.write(chunk(piece))
            await writer.drain()
            await asyncio.sleep(0.005)  # so that each piece is a packet of its own
        if end:
            writer.write(b"0\r\n\r\n")
        else:
            await writer.drain()
            writer.transport.abort()

    return script


def chat(shop: Shop, **more: Any) -> dict[str, Any]:
    return {"model": shop.model, "stream": True, "messages": [{"role": "user", "content": "Say something."}], **more}


LARGE = 1 << 20
BEFORE_TEXT = len('{"choices": [{"message": {"content": "')


async def _read_some(client: httpx.AsyncClient, body: dict[str, Any], count: int) -> None:
    """Leaves after so many bytes of the answer."""
    async with client.stream("POST", "/v1/chat/completions", json=body) as reply:
        seen = 0
        async for piece in reply.aiter_raw():
            seen += len(piece)
            if seen >= count:
                return


async def one_event(control: ControlPlane) -> Any:
    return (await until(lambda: list(control.events.values())))[0]


@pytest.fixture
def priced(shop: MakeShop) -> Shop:
    return shop(plan={"per_call_nanos": 1, "per_1k_input_nanos": 1000, "per_1k_output_nanos": 2000}, name="acme/chat")


async def test_usage_is_asked_for_and_removed_again(
    priced: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    upstream.script = streaming(delta("Hello"), delta(" wörld"), USAGE, DONE)
    async with gateway.client(priced.key) as client:
        answer = await client.post("/v1/chat/completions", json=chat(priced))
    assert upstream.received[0].json["stream_options"] == {"include_usage": True}
    assert answer.content == (delta("Hello") + delta(" wörld") + DONE).replace(b', "usage": null', b"")
    assert int(answer.headers["x-mercato-overhead-us"]) > 0
    event = await one_event(control)
    expect(event, tokens_in=11, tokens_out=22, source="provider", streamed=True)
    assert event.price_nanos == 1 + 11 + 44


async def test_usage_stays_where_the_client_asked(priced: Shop, gateway: GatewayProcess, upstream: Upstream) -> None:
    upstream.script = streaming(delta("Hello"), USAGE, DONE)
    async with gateway.client(priced.key) as client:
        answer = await client.post("/v1/chat/completions", json=chat(priced, stream_options={"include_usage": True}))
    assert answer.content == delta("Hello") + USAGE + DONE


async def test_pieces_split_anywhere_arrive_whole_and_are_counted(
    priced: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    whole = delta("Grüße, 世界 🌍") + USAGE + DONE
    upstream.script = streaming(*(whole[place : place + 7] for place in range(0, len(whole), 7)))
    async with gateway.client(priced.key) as client:
        answer = await client.post("/v1/chat/completions", json=chat(priced, stream_options={"include_usage": True}))
    assert answer.content == whole
    assert (await one_event(control)).tokens_out == 22


@pytest.mark.parametrize("last", [b"", DONE])
async def test_without_usage_the_gateway_counts_itself(
    priced: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane, last: bytes
) -> None:
    upstream.script = streaming(delta("x" * 40), delta("y" * 40), *([last] if last else []))
    async with gateway.client(priced.key) as client:
        answer = await client.post("/v1/chat/completions", json=chat(priced))
    assert answer.status_code == 200
    event = await one_event(control)
    assert (event.tokens_out, event.source) == (20, "estimated")
    assert event.tokens_in == 4  # "Say something." is 14 bytes


async def test_the_event_is_written_before_done_reaches_the_client(
    priced: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    hold = asyncio.Event()

    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunk(delta("Hi") + USAGE + DONE))
        await hold.wait()
        writer.write(b"0\r\n\r\n")

    upstream.script = script
    async with (
        gateway.client(priced.key) as client,
        client.stream("POST", "/v1/chat/completions", json=chat(priced)) as answer,
    ):
        async for piece in answer.aiter_bytes():
            if b"[DONE]" in piece:
                break
        await gateway.kill()  # what the client holds for a whole answer is in the spool already
    hold.set()
    await gateway.start()
    assert (await one_event(control)).tokens_out == 22


@pytest.mark.parametrize(("policy", "tokens", "source"), [("abort", 10, "partial"), ("drain", 22, "provider")])
async def test_a_client_that_leaves_is_counted_by_policy(
    shop: MakeShop,
    start_gateway: StartGateway,
    upstream: Upstream,
    control: ControlPlane,
    policy: str,
    tokens: int,
    source: str,
) -> None:
    place = shop(name="acme/chat", deployment={"on_disconnect": policy})
    left = asyncio.Event()
    broke = asyncio.Event()

    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunk(delta("z" * 40)))
        await left.wait()
        if policy == "abort":
            await reader.read()
            broke.set()
            return
        writer.write(chunk(USAGE) + chunk(DONE) + b"0\r\n\r\n")

    upstream.script = script
    gateway = await start_gateway()
    async with (
        gateway.client(place.key) as client,
        client.stream("POST", "/v1/chat/completions", json=chat(place)) as answer,
    ):
        async for _ in answer.aiter_bytes():
            break

    async def noticed() -> bool:
        return await gateway.metric("mercato_gateway_client_left_total") >= 1

    await until(noticed)
    left.set()
    event = await one_event(control)
    assert (event.tokens_out, event.source, event.client_left) == (tokens, source, True)
    if policy == "abort":
        await broke.wait()


@pytest.mark.parametrize(
    ("policy", "begun", "status", "tokens", "source"),
    [
        ("abort", False, 499, 0, "partial"),
        ("abort", True, 200, -(-(LARGE + 64 - BEFORE_TEXT) // 4), "partial"),
        ("drain", False, 200, 22, "provider"),
        ("drain", True, 200, 22, "provider"),
    ],
)
async def test_a_client_that_leaves_before_a_whole_answer_is_counted_by_policy(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, control: ControlPlane,
    policy: str, begun: bool, status: int, tokens: int, source: str,
) -> None:  # fmt: skip
    place = shop(name="acme/chat", deployment={"on_disconnect": policy}, plan={"per_1k_output_nanos": 1000})
    left, closed, began = asyncio.Event(), asyncio.Event(), asyncio.Event()
    usage = {"prompt_tokens": 11, "completion_tokens": 22}
    # Beyond a megabyte an answer is passed on while it comes: the client can tell that it has begun.
    body = json.dumps({"choices": [{"message": {"content": "z" * (2 * LARGE)}}], "usage": usage}).encode()

    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        whole = answer(200, body)
        cut = len(whole) - len(body) + LARGE + 64 if begun else 0
        writer.write(whole[:cut])
        await writer.drain()
        began.set()
        await left.wait()
        if policy == "abort":
            assert await reader.read() == b""
            closed.set()
            return
        writer.write(whole[cut:])

    upstream.script = script
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        call = asyncio.create_task(_read_some(client, chat(place, stream=False), LARGE + 64))
        await began.wait()
        if begun:
            await call
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)

    async def noticed() -> bool:
        return await gateway.metric("mercato_gateway_client_left_total") == 1

    await until(noticed)
    left.set()
    event = await one_event(control)
    expect(event, status=status, tokens_out=tokens, source=source, client_left=True)
    assert (event.streamed, event.price_nanos) == (False, tokens)
    if policy == "abort":
        async with asyncio.timeout(60):
            await closed.wait()
    else:
        assert event.tokens_in == 11


async def test_an_upstream_that_breaks_off_is_partial_and_the_client_can_tell(
    priced: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    upstream.script = streaming(delta("z" * 40), end=False)
    async with gateway.client(priced.key) as client:
        with pytest.raises(Exception, match=r"(?i)incomplete|closed|peer|read"):
            await client.post("/v1/chat/completions", json=chat(priced))
    event = await one_event(control)
    assert (event.tokens_out, event.source) == (10, "partial")


async def test_anthropic_streams_are_counted(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, control: ControlPlane
) -> None:
    place = shop(name="acme/claude", protocol="anthropic")
    events = (
        b'event: message_start\ndata: {"type":"message_start","message":{"usage":'
        b'{"input_tokens":9,"cache_read_input_tokens":4,"output_tokens":1}}}\n\n',
        b'event: content_block_delta\ndata: {"type":"content_block_delta",'
        b'"delta":{"type":"text_delta","text":"Hi"}}\n\n',
        b'event: message_delta\ndata: {"type":"message_delta",'
        b'"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}\n\n',
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    )
    upstream.script = streaming(*events)
    gateway = await start_gateway()
    body = {"model": place.model, "max_tokens": 20, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    async with gateway.client() as client:
        answer = await client.post("/v1/messages", json=body, headers={"x-api-key": place.key})
        refused = await client.post("/v1/messages", json=body)
    assert answer.content == b"".join(events)
    event = await one_event(control)
    expect(event, tokens_in=13, tokens_out=15, tokens_cached=4, source="provider")
    assert refused.json()["type"] == "error"
    assert refused.json()["error"]["type"] == "authentication_error"


async def test_a_slow_client_does_not_grow_memory(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    place = shop(name="acme/files", protocol="openapi", operations=[("GET", "/big")])
    sent = 0

    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
        while True:
            writer.write(bytes(100_000))
            await writer.drain()
            sent += 100_000

    upstream.script = script
    gateway = await start_gateway()
    before = gateway.rss_mb()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port, limit=1024)
    writer.write(f"GET /s/acme/files/big HTTP/1.1\r\nhost: x\r\nx-mercato-key: {place.key}\r\n\r\n".encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    await until(lambda: sent > 1_000_000)
    last = -1

    async def stalled() -> bool:
        nonlocal last
        last, before_wait = sent, last
        await asyncio.sleep(0.3)
        await reader.read(1024)
        return before_wait == sent

    await until(stalled)
    assert sent < 50_000_000
    assert gateway.rss_mb() - before < 10
    writer.transport.abort()


async def test_a_plain_answer_without_usage_is_estimated(
    priced: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, b'{"choices":[{"message":{"content":"' + b"a" * 80 + b'"}}]}'))

    upstream.script = script
    async with gateway.client(priced.key) as client:
        await client.post("/v1/chat/completions", json=chat(priced, stream=False))
    event = await one_event(control)
    assert (event.tokens_in, event.tokens_out, event.source) == (4, 20, "estimated")


async def test_a_slow_upload_neither_reaches_the_vendor_early_nor_grows_memory(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    place = shop(name="acme/files", protocol="openapi", operations=[("POST", "/big")])
    gateway = await start_gateway()
    before = gateway.rss_mb()
    length = 4 << 20
    head = (
        f"POST /s/acme/files/big HTTP/1.1\r\nhost: x\r\nx-mercato-key: {place.key}\r\n"
        f"content-length: {length}\r\ncontent-type: application/octet-stream\r\n\r\n"
    ).encode()
    clients = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(20)]
    for _, writer in clients:
        writer.write(head)
        for _ in range(8):  # eight small pieces, then nothing more
            writer.write(b"x" * 1024)
            await writer.drain()
    assert await gateway.metric("mercato_gateway_connections") >= len(clients)
    assert upstream.received == []
    assert gateway.rss_mb() - before < 10  # what was announced takes no room, only what came
    for _, writer in clients:
        writer.close()
