"""Upstreams as they are: usage that lacks or makes no sense, odd lines, wrong lengths, errors with status 200."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, Shop
from tests.fakes.marketplace import a_limit
from tests.fakes.upstream import STREAM_HEAD, Received, Upstream, answer, chunk
from tests.gateway.conftest import Stage
from tests.gateway.expected import expect
from tests.gateway.imperfect import (
    DONE,
    PRICES,
    USAGE,
    ask,
    body_of,
    chat,
    control,
    delta,
    gateway,
    one_event,
    says,
    streams,
    upstream,
    usage,
)

__all__ = ["chat", "control", "gateway", "upstream"]


# What providers say of their tokens.


@pytest.mark.parametrize(
    ("stated", "counts"),
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
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane, stated: Any, counts: Any
) -> None:
    upstream.script = says(answer(200, json.dumps({"choices": [], "usage": stated}).encode()))
    assert (await ask(gateway, chat)).status_code == 200
    event = await one_event(control, chat)
    assert (event.tokens_in, event.tokens_out, event.tokens_cached) == counts
    assert event.source == "provider"


@pytest.mark.parametrize("wrong", [-1, 1e30, 10**30, "many", "1e5", 2.5, True, [22], {"n": 22}])
@pytest.mark.parametrize("streamed", [False, True])
async def test_usage_that_makes_no_sense_is_not_believed(
    chat: Shop, gateway: GatewayProcess, upstream: Upstream, control: ControlPlane, wrong: Any, streamed: bool
) -> None:
    stated = {"prompt_tokens": 11, "completion_tokens": wrong}
    if streamed:
        upstream.script = streams(b"data: " + delta("a" * 40) + b"\n\n", b"data: " + usage(**stated) + b"\n\n", DONE)
    else:
        whole = {"choices": [{"message": {"content": "a" * 40}}], "usage": stated}
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
