"""Answers that are wrong: errors with status 200, wrong lengths, codings nobody asked for, interim answers."""

import gzip
import json
import zlib
from typing import Any

import pytest

from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, Shop
from tests.fakes.upstream import Upstream, answer
from tests.gateway.expected import expect
from tests.gateway.imperfect import (
    DONE,
    ask,
    body_of,
    chat,
    control,
    delta,
    events_of,
    gateway,
    one_event,
    says,
    streams,
    upstream,
)
from tests.support.waiting import until

__all__ = ["chat", "control", "gateway", "upstream"]


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
