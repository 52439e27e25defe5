"""Upstreams as they are: usage that lacks or makes no sense, odd lines, wrong lengths, errors with status 200."""

import asyncio
import gzip
import json
import zlib
from typing import Any

import httpx
import pytest

from mercato_contracts.dataplane import UsageEvent
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, Shop
from tests.fakes.marketplace import a_limit
from tests.fakes.upstream import STREAM_HEAD, Received, Script, Upstream, answer, chunk
from tests.gateway.conftest import Stage
from tests.gateway.expected import expect
from tests.support.waiting import until

DONE = b"data: [DONE]\n\n"


PRICES = {"per_call_nanos": 1, "per_1k_input_nanos": 1000, "per_1k_output_nanos": 2000}


@pytest.fixture
async def chat(stage: Stage) -> Shop:
    return await stage.shop(plan=PRICES)


@pytest.fixture
def gateway(stage: Stage) -> GatewayProcess:
    return stage.gateway


@pytest.fixture
def upstream(stage: Stage) -> Upstream:
    return stage.upstream


@pytest.fixture
def control(stage: Stage) -> ControlPlane:
    return stage.control


def body_of(shop: Shop, **more: Any) -> dict[str, Any]:
    return {"model": shop.model, "messages": [{"role": "user", "content": "Say something."}], **more}


def says(raw: bytes, *, close: bool = False) -> Script:
    """Answers with these bytes, whatever they are."""

    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        if close:
            await writer.drain()
            writer.close()

    return script


def streams(*pieces: bytes, end: bool = True) -> Script:
    """Each piece in a chunk and a packet of its own."""

    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for piece in pieces:
            writer.write(chunk(piece))
            await writer.drain()
            await asyncio.sleep(0.002)
        if end:
            writer.write(b"0\r\n\r\n")
        else:
            await reader.read(1)  # neither more nor an end

    return script


async def ask(gateway: GatewayProcess, shop: Shop, **more: Any) -> httpx.Response:
    async with gateway.client(shop.key) as client:
        return await client.post("/v1/chat/completions", json=body_of(shop, **more))


def events_of(control: ControlPlane, shop: Shop) -> list[UsageEvent]:
    return [event for event in control.events.values() if event.subscription_id == shop.subscription.id]


async def one_event(control: ControlPlane, shop: Shop) -> UsageEvent:
    found: list[UsageEvent] = await until(lambda: events_of(control, shop))
    return found[0]


def delta(text: str) -> bytes:
    return json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}, ensure_ascii=False).encode()


def usage(**counts: Any) -> bytes:
    return json.dumps({"choices": [], "usage": counts}).encode()


USAGE = usage(prompt_tokens=11, completion_tokens=22)


# What providers say of their tokens.


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        (
            {"prompt_tokens": 11, "completion_tokens": 22, "prompt_tokens_details": {"cached_tokens": 4}},
            (11, 22, 4),
        ),
        ({"input_tokens": 11, "output_tokens": 22, "input_tokens_details": {"cached_tokens": 5}}, (11, 22, 5)),
        ({"input_tokens": 3, "output_tokens": 22, "cache_read_input_tokens": 6}, (9, 22, 6)),
        (
            {"input_tokens": 3, "output_tokens": 2, "cache_read_input_tokens": 6, "cache_creation_input_tokens": 5},
            (14, 2, 6),
        ),
        ({"prompt_tokens": 11.0, "completion_tokens": "22", "prompt_tokens_details": None}, (11, 22, 0)),
        ({"prompt_tokens": 11, "completion_tokens": None, "total_tokens": 11}, (11, 0, 0)),
        ({"prompt_tokens": 11, "completion_tokens": 22, "prompt_tokens_details": [1]}, (11, 22, 0)),
        ({"prompt_tokens": 11, "completion_tokens": 22, "prompt_tokens_details": {"cached_tokens": 99}}, (11, 22, 11)),
    ],
    ids=["openai", "responses", "anthropic", "anthropic-creation", "floats", "null", "odd-details", "cached-beyond"],
)
async def test_usage_is_read_in_every_dialect(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane, said: Any, counts: Any
) -> None:
    upstream.script = says(answer(200, json.dumps({"choices": [], "usage": said}).encode()))
    assert (await ask(gateway, chat)).status_code == 200
    event = await one_event(control, chat)
    assert (event.tokens_in, event.tokens_out, event.tokens_cached) == counts
    assert event.source == "provider"


@pytest.mark.parametrize("wrong", [-1, 1e30, 10**30, "many", "1e5", 2.5, True, [22], {"n": 22}])
@pytest.mark.parametrize("streamed", [False, True])
async def test_usage_that_makes_no_sense_is_not_believed(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane, wrong: Any, streamed: bool
) -> None:
    said = {"prompt_tokens": 11, "completion_tokens": wrong}
    if streamed:
        upstream.script = streams(b"data: " + delta("a" * 40) + b"\n\n", b"data: " + usage(**said) + b"\n\n", DONE)
    else:
        whole = {"choices": [{"message": {"content": "a" * 40}}], "usage": said}
        upstream.script = says(answer(200, json.dumps(whole).encode()))
    assert (await ask(gateway, chat, stream=streamed)).status_code == 200
    event = await one_event(control, chat)
    assert (event.tokens_out, event.source) == (10, "estimated")


async def test_an_answer_of_an_odd_shape_is_still_counted(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    odd = {"choices": [{"message": {"content": 5, "reasoning_content": ["a" * 40]}}], "type": 7}
    upstream.script = says(answer(200, json.dumps(odd).encode()))
    await ask(gateway, chat)
    event = await one_event(control, chat)
    assert (event.tokens_out, event.source) == (10, "estimated")


async def test_of_several_usage_events_the_largest_counts_stand(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    pieces = [usage(prompt_tokens=11, completion_tokens=n) for n in (1, 7, 22)] + [
        usage(prompt_tokens=0, completion_tokens=0)
    ]
    upstream.script = streams(*(b"data: " + piece + b"\n\n" for piece in pieces), DONE)
    got = await ask(gateway, chat, stream=True)
    assert got.content == DONE, "none of them was asked for by the client"
    event = await one_event(control, chat)
    assert (event.tokens_in, event.tokens_out, event.source) == (11, 22, "provider")


async def test_anthropics_usage_is_cumulative(
    stage: Stage, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    chat = await stage.shop("claude", protocol="anthropic")
    start = {"input_tokens": 9, "output_tokens": 1, "cache_read_input_tokens": 4}
    events = [
        {"type": "message_start", "message": {"usage": start}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 8}},
        {"type": "message_delta", "delta": {}, "usage": {**start, "output_tokens": 15}},
        {"type": "message_stop"},
    ]
    upstream.script = streams(*(f"event: x\ndata: {json.dumps(event)}\n\n".encode() for event in events))
    async with gateway.client(chat.key) as client:
        await client.post("/v1/messages", json=body_of(chat, max_tokens=20, stream=True))
    event = await one_event(control, chat)
    expect(event, tokens_in=13, tokens_out=15, tokens_cached=4, source="provider")


@pytest.mark.parametrize(
    ("bounds", "held"),
    [
        ({"max_tokens": 50, "max_completion_tokens": 20}, 50),
        ({"max_tokens": 20, "max_completion_tokens": 50}, 50),
        ({"max_tokens": None, "max_completion_tokens": 20}, 20),
        ({"max_tokens": 10, "n": 3}, 30),
        ({"max_tokens": 10, "n": 1, "best_of": 4}, 40),
        ({}, 1024),
    ],
)
async def test_the_larger_bound_is_held(
    stage: Stage, gateway: GatewayProcess, control: ControlPlane, bounds: dict[str, Any], held: int
) -> None:
    quota = a_limit("subscription", "tokens", "month", 1)
    place = await stage.shop(limits=[quota])
    refused = await ask(gateway, place, **bounds)
    assert refused.status_code == 429
    assert refused.json()["error"]["facts"]["needed"] == held + 4  # "Say something." is 14 bytes


# Lines of streams.


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_every_line_end_and_every_split_is_read(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane, end: str, size: int
) -> None:
    event = delta("Grüße 🌍").decode()
    middle = len(event) // 2
    text = (
        f": a comment{end}{end}"
        f"id: 1{end}event: message{end}data: {event}{end}{end}"
        f"retry: 10{end}: another{end}{end}"
        f"data:{event}{end}: inside{end}{end}"
        f"data: {USAGE.decode().replace(', ', f', {end}data: ', 1)}{end}{end}"
        f"data: [DONE]{end}{end}"
    )
    assert middle
    raw = text.encode()
    upstream.script = streams(*(raw[place : place + size] for place in range(0, len(raw), size)))
    got = await ask(gateway, chat, stream=True, stream_options={"include_usage": True})
    assert got.content == raw
    event_seen = await one_event(control, chat)
    assert (event_seen.tokens_in, event_seen.tokens_out, event_seen.source) == (11, 22, "provider")


async def test_mixed_line_ends_do_not_hold_events_back(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    found = asyncio.Event()

    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunk(b"data: " + delta("Hi") + b"\n\r\n"))
        await writer.drain()
        await found.wait()
        writer.write(chunk(b"data: " + USAGE + b"\r\n\n" + DONE) + b"0\r\n\r\n")

    upstream.script = script
    async with (
        gateway.client(chat.key) as client,
        client.stream("POST", "/v1/chat/completions", json=body_of(chat, stream=True)) as got,
    ):
        async for piece in got.aiter_bytes():
            if b"Hi" in piece:
                found.set()
    assert (await one_event(control, chat)).tokens_out == 22


async def test_done_may_be_missing(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    upstream.script = streams(b"data: " + delta("Hi") + b"\n\n", b"data: " + USAGE)  # not even a blank line
    got = await ask(gateway, chat, stream=True)
    assert got.content == b"data: " + delta("Hi") + b"\n\n"
    event = await one_event(control, chat)
    assert (event.tokens_out, event.source) == (22, "provider")


async def test_behind_an_event_too_long_to_keep_usage_is_read_again(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    long = b"data: " + delta("x" * (3 << 20)) + b"\r\n\r\n"
    pieces = [long[place : place + 100_003] for place in range(0, len(long), 100_003)]
    upstream.script = streams(*pieces, b"data: " + USAGE + b"\n\n", DONE)
    before = gateway.rss_mb()
    got = await ask(gateway, chat, stream=True, stream_options={"include_usage": True})
    assert got.content == long + b"data: " + USAGE + b"\n\n" + DONE
    assert (await one_event(control, chat)).tokens_out == 22
    assert gateway.rss_mb() - before < 30


async def test_a_stream_that_says_done_and_never_ends_is_ended_and_whole(
    stage: Stage, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    chat = await stage.shop(plan=PRICES, deployment={"timeout_ms": 500})
    upstream.script = streams(b"data: " + delta("Hi") + b"\n\n", b"data: " + USAGE + b"\n\n", DONE, end=False)
    got = await ask(gateway, chat, stream=True)
    assert got.content == b"data: " + delta("Hi") + b"\n\n" + DONE
    event = await one_event(control, chat)
    assert (event.tokens_out, event.source) == (22, "provider")


async def test_a_stream_without_end_is_cut_at_the_deadline_and_what_came_counts(
    stage: Stage, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    chat = await stage.shop(plan=PRICES, deployment={"timeout_ms": 500})
    upstream.script = streams(b"data: " + delta("a" * 40) + b"\n\n", end=False)
    with pytest.raises(httpx.RemoteProtocolError):
        await ask(gateway, chat, stream=True)
    event = await one_event(control, chat)
    assert (event.status, event.tokens_out, event.source) == (200, 10, "partial")


# Errors that call themselves a success.


ERRORS = [
    {"error": {"message": "overloaded", "type": "server_error"}},
    {"error": "overloaded"},
    {"object": "error", "error": {"code": 500}, "usage": {"prompt_tokens": 0, "completion_tokens": 0}},
    {"type": "error", "error": {"type": "overloaded_error", "message": "x"}},
    {"status": "failed", "error": {"code": "server_error", "message": "x"}, "usage": None, "output": []},
]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("streamed", [False, True])
async def test_a_200_that_is_an_error_is_passed_on_and_costs_nothing(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane, error: Any, streamed: bool
) -> None:
    raw = json.dumps(error).encode()
    upstream.script = streams(b"data: " + raw + b"\n\n", DONE) if streamed else says(answer(200, raw))
    got = await ask(gateway, chat, stream=streamed)
    assert (got.status_code, b'"error"' in got.content) == (200, True)
    event = await one_event(control, chat)
    expect(event, status=502, tokens_in=0, tokens_out=0, price_nanos=0)


async def test_an_error_beside_usage_is_charged_by_the_usage(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    raw = json.dumps({"error": {"message": "stopped"}, "usage": {"prompt_tokens": 11, "completion_tokens": 22}})
    upstream.script = says(answer(200, raw.encode()))
    await ask(gateway, chat)
    event = await one_event(control, chat)
    assert (event.status, event.price_nanos, event.source) == (200, 1 + 11 + 44, "provider")


async def test_an_error_in_the_middle_of_a_stream_leaves_what_came_before_it_to_pay(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    upstream.script = streams(b"data: " + delta("a" * 40) + b"\n\n", b'data: {"error":{"message":"x"}}\n\n', DONE)
    await ask(gateway, chat, stream=True)
    event = await one_event(control, chat)
    assert (event.status, event.tokens_out, event.source) == (200, 10, "partial")


# Lengths and codings.


KIND = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
SMALL = b'{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":22}}'


async def test_a_length_that_is_too_long_gives_no_half_answer_and_costs_nothing(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    upstream.script = says(KIND + b"content-length: 5000\r\n\r\n" + SMALL, close=True)
    got = await ask(gateway, chat)
    assert (got.status_code, got.json()["error"]["code"]) == (502, "upstream_bad_answer")
    event = await one_event(control, chat)
    assert (event.status, event.price_nanos) == (502, 0)


@pytest.mark.parametrize("rest", [b"x", b"\r\n", b"{}" * 5000, b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\ny"])
async def test_a_length_that_is_too_short_ends_the_answer_and_the_connection(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane, rest: bytes
) -> None:
    upstream.script = says(KIND + b"content-length: %d\r\n\r\n" % len(SMALL) + SMALL + rest)
    for _ in range(4):
        got = await ask(gateway, chat)
        assert (got.status_code, got.content) == (200, SMALL)
    await until(lambda: len(events_of(control, chat)) == 4)
    assert {event.tokens_out for event in events_of(control, chat)} == {22}


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate"])
async def test_an_answer_compressed_against_our_wish_is_passed_on_and_counted(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane, coding: str
) -> None:
    packed = zlib.compress(SMALL) if coding == "deflate" else gzip.compress(SMALL)
    upstream.script = says(answer(200, packed, extra=f"content-encoding: {coding}\r\n"))
    async with (
        gateway.client(chat.key) as client,
        client.stream("POST", "/v1/chat/completions", json=body_of(chat)) as got,
    ):
        assert b"".join([piece async for piece in got.aiter_raw()]) == packed
    assert upstream.received[0].header("accept-encoding") == "identity"
    assert got.headers["content-encoding"] == coding
    event = await one_event(control, chat)
    assert (event.tokens_in, event.tokens_out, event.source) == (11, 22, "provider")


@pytest.mark.parametrize(
    ("packed", "coding"),
    [
        (gzip.compress(bytes(200 << 20), 9), "gzip"),
        (b"no gzip at all" * 9, "gzip"),
        (b"\x0b" * 40, "br"),
    ],
    ids=["bomb", "garbage", "unknown"],
)
async def test_what_cannot_be_unpacked_is_estimated_by_its_bytes_and_is_no_bomb(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane, packed: bytes, coding: str
) -> None:
    upstream.script = says(answer(200, packed, extra=f"content-encoding: {coding}\r\n"))
    before = gateway.rss_mb()
    async with (
        gateway.client(chat.key) as client,
        client.stream("POST", "/v1/chat/completions", json=body_of(chat)) as got,
    ):
        assert b"".join([piece async for piece in got.aiter_raw()]) == packed
    event = await one_event(control, chat)
    assert (event.tokens_out, event.source) == (-(-len(packed) // 4), "estimated")
    assert gateway.rss_mb() - before < 30


async def test_a_stream_compressed_against_our_wish_is_estimated_by_its_bytes(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane
) -> None:
    packed = gzip.compress(b"data: " + delta("a" * 400) + b"\n\n" + DONE)
    upstream.script = says(answer(200, packed, kind="text/event-stream", extra="content-encoding: gzip\r\n"))
    got = await ask(gateway, chat, stream=True)
    assert got.content.endswith(DONE)
    event = await one_event(control, chat)
    assert (event.tokens_out, event.source) == (-(-len(packed) // 4), "estimated")


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n" * 5,
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
    ],
)
async def test_interim_answers_are_passed_over(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane, interim: bytes
) -> None:
    upstream.script = says(interim + KIND + b"content-length: %d\r\n\r\n" % len(SMALL) + SMALL)
    for _ in range(3):
        got = await ask(gateway, chat)
        assert (got.status_code, got.content) == (200, SMALL)
        assert "link" not in got.headers


async def test_interim_answers_without_end_are_a_bad_answer(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream
) -> None:
    upstream.script = says(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 20_000)
    got = await ask(gateway, chat)
    assert (got.status_code, got.json()["error"]["code"]) == (502, "upstream_bad_answer")


@pytest.mark.parametrize("value", ["²", "1e9", "-5", "Mon, 01 Jan 0001 00:00:00 -0000", "Wed, 99 Foo 2026", "9" * 400])
async def test_a_senseless_retry_after_breaks_nothing(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, value: str
) -> None:
    raw = answer(429, b'{"error":{"message":"slow down"}}').replace(
        b"\r\n\r\n", b"\r\nretry-after: " + value.encode("latin-1", "replace") + b"\r\n\r\n", 1
    )
    upstream.script = says(raw)
    got = await ask(gateway, chat)
    assert got.status_code == 429
    assert got.json()["error"]["message"] == "slow down"
