"""Unusual answers through a real gateway: what is charged, what the client gets, and when."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from mercato_contracts.dataplane import UsageEvent
from tests.fakes.gateway_process import Shop
from tests.fakes.upstream import Received, Script, chunk
from tests.gateway.conftest import Stage
from tests.gateway.expected import expect
from tests.gateway.metering import events
from tests.support.waiting import until

PRICES = {"per_1k_input_nanos": 1000, "per_1k_output_nanos": 1000}
DELTA = '{"choices":[{"index":0,"delta":{"content":"%s"}}]}' % ("w" * 28)
USAGE = '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":7}}'
IMAGE = "iVBORw0KGgo" * 145_455


def upstream_sends(
    *packets: bytes, kind: str | None = "text/event-stream", gate: asyncio.Event | None = None
) -> Script:
    """Answers with these packets, the last one once the gate is open."""
    line = "" if kind is None else f"content-type: {kind}\r\n"
    head = f"HTTP/1.1 200 OK\r\n{line}transfer-encoding: chunked\r\n\r\n".encode()

    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        for packet in packets[:-1]:
            writer.write(chunk(packet))
            await writer.drain()
        if gate is not None:
            await gate.wait()
        writer.write(chunk(packets[-1]) + b"0\r\n\r\n")

    return script


async def ask(stage: Stage, shop: Shop, path: str = "/v1/chat/completions", **more: Any) -> httpx.Response:
    body = {"model": shop.model, "messages": [{"role": "user", "content": "q" * 40}], **more}
    async with stage.gateway.client(shop.key) as client:
        return await client.post(path, json=body)


async def event_of(stage: Stage, shop: Shop) -> UsageEvent:
    def found() -> list[UsageEvent]:
        return [event for event in stage.control.events.values() if event.subscription_id == shop.subscription.id]

    events_found: list[UsageEvent] = await until(found)
    return events_found[0]


async def test_a_large_last_event_is_charged_by_its_usage(stage: Stage) -> None:
    shop = await stage.shop(plan=PRICES)
    usage = {"input_tokens": 13, "output_tokens": 21, "input_tokens_details": {"cached_tokens": 5}}
    response = {"output": [{"type": "image_generation_call", "result": IMAGE}], "usage": usage}
    last = json.dumps({"type": "response.completed", "response": response})
    body = b"event: response.completed\n" + events(last)
    stage.upstream.script = upstream_sends(body[: 1 << 20], body[1 << 20 :])
    before = stage.gateway.rss_mb()
    got = await ask(stage, shop, "/v1/responses", stream=True, input="q" * 40)
    assert got.content == body
    event = await event_of(stage, shop)
    expect(event, tokens_in=13, tokens_out=21, tokens_cached=5, source="provider")
    assert (event.price_nanos, event.streamed) == (34, True)
    assert stage.gateway.rss_mb() - before < 30


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        (
            {"choices": [], "usage": {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94}}},
            (32, 103),
        ),
        (
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop",
                "usage": {"prompt_tokens": 11, "completion_tokens": 7}}]},
            (11, 7),
        ),
    ],
)  # fmt: skip
async def test_usage_is_charged_wherever_it_lies(
    stage: Stage, answer: dict[str, Any], counts: tuple[int, int], streamed: bool
) -> None:
    shop = await stage.shop(plan=PRICES)
    body = json.dumps(answer).encode()
    packets = (events(DELTA), events(body, "[DONE]")) if streamed else (body,)
    stage.upstream.script = upstream_sends(*packets, kind="text/event-stream" if streamed else "application/json")
    await ask(stage, shop, stream=streamed)
    event = await event_of(stage, shop)
    assert ((event.tokens_in, event.tokens_out), event.source, event.price_nanos) == (counts, "provider", sum(counts))


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content", "thinking", "something_new"])
async def test_reasoning_counts_where_the_client_leaves(stage: Stage, name: str) -> None:
    shop = await stage.shop(plan=PRICES)
    gate = asyncio.Event()
    delta = json.dumps({"choices": [{"index": 0, "delta": {name: "r" * 132}}]})
    stage.upstream.script = upstream_sends(events(delta), events(USAGE), gate=gate)
    body = {"model": shop.model, "stream": True, "messages": [{"role": "user", "content": "q" * 40}]}
    async with (
        stage.gateway.client(shop.key) as client,
        client.stream("POST", "/v1/chat/completions", json=body) as got,
    ):
        async for _ in got.aiter_bytes():
            break
    event = await event_of(stage, shop)
    gate.set()
    expect(event, tokens_in=10, tokens_out=33, source="partial", client_left=True)


@pytest.mark.parametrize(
    "stream",
    [
        b'event: error\ndata: {"message":"quota","code":429}\n\n',
        events('{"type":"response.failed","response":{"status":"failed","error":{"code":"x"},"usage":null}}'),
        events('[{"error":{"code":429,"message":"quota"}}]'),
    ],
)
async def test_a_failure_within_a_stream_is_recorded_as_502_and_free(stage: Stage, stream: bytes) -> None:
    shop = await stage.shop(plan={**PRICES, "per_call_nanos": 5})
    stage.upstream.script = upstream_sends(stream)
    got = await ask(stage, shop, stream=True)
    assert (got.status_code, got.content) == (200, stream)
    event = await event_of(stage, shop)
    expect(event, status=502, tokens_in=0, tokens_out=0, price_nanos=0)


@pytest.mark.parametrize("kind", ["text/event-stream", "text/plain", "application/json", None])
async def test_a_stream_of_any_type_goes_through_at_once_without_the_usage_that_nobody_asked_for(
    stage: Stage, kind: str | None
) -> None:
    shop = await stage.shop(plan=PRICES)
    gate = asyncio.Event()
    stage.upstream.script = upstream_sends(events(DELTA), events(USAGE, "[DONE]"), kind=kind, gate=gate)
    body = {"model": shop.model, "stream": True, "messages": [{"role": "user", "content": "q" * 40}]}
    came = b""
    async with (
        asyncio.timeout(60),
        stage.gateway.client(shop.key) as client,
        client.stream("POST", "/v1/chat/completions", json=body) as got,
    ):
        async for data in got.aiter_bytes():
            came += data
            if came == events(DELTA):
                gate.set()  # only now does the upstream go on
    assert came == events(DELTA, "[DONE]")
    event = await event_of(stage, shop)
    expect(event, tokens_in=9, tokens_out=7, source="provider", streamed=True)


async def test_json_without_a_type_is_metered(stage: Stage) -> None:
    shop = await stage.shop(plan=PRICES)
    stage.upstream.script = upstream_sends(
        json.dumps({"choices": [{"message": {"content": "w" * 28}}]}).encode(), kind=None
    )
    await ask(stage, shop)
    event = await event_of(stage, shop)
    expect(event, tokens_in=10, tokens_out=7, source="estimated", streamed=False)
