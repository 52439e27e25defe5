"""What is charged never passes a cap, whatever a service says it used."""

import asyncio
import json
from typing import Any

import httpx
import openai
import pytest

from mercato_contracts.dataplane import Limit, UsageEvent
from tests.fakes.control_plane import ControlPlane, Counter
from tests.fakes.gateway_process import MakeShop, Shop, StartGateway
from tests.fakes.marketplace import a_limit
from tests.fakes.upstream import STREAM_HEAD, Received, Script, Upstream, answer, chunk
from tests.gateway.conftest import Stage
from tests.gateway.expected import expect
from tests.support.waiting import until

# One dollar for a thousand tokens each way: a token is a million nanos.
TOKEN = 1_000_000
PRICES = {"per_1k_input_nanos": 1000 * TOKEN, "per_1k_output_nanos": 1000 * TOKEN}
PATHS = ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"]


def usage_of(path: str, into: int, out: int) -> dict[str, int]:
    if path in ("/v1/responses", "/v1/messages"):
        return {"input_tokens": into, "output_tokens": out}
    return {"prompt_tokens": into, "completion_tokens": out}


def claims(into: int, out: int, text: str = "hi") -> Script:
    """A vendor that claims so many tokens, whatever was asked of it."""

    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        body: dict[str, Any] = {"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
        if request.target.endswith("/messages"):
            body = {"content": [{"type": "text", "text": text}]}
        body["usage"] = usage_of("/v1" + request.target[3:], into, out)
        writer.write(answer(200, json.dumps(body).encode()))

    return script


def asked(shop: Shop, path: str = PATHS[0], text: str = "hey!", **more: Any) -> dict[str, Any]:
    message = [{"role": "user", "content": text}]
    given: dict[str, Any] = {"/v1/completions": {"prompt": text}, "/v1/responses": {"input": text}}.get(
        path, {"messages": message}
    )
    return {"model": shop.model, **given, **more}


async def event_of(control: ControlPlane, reply: httpx.Response) -> UsageEvent:
    key = "use_" + reply.headers["x-request-id"].removeprefix("req_")
    event: UsageEvent = await until(lambda: control.events.get(key))
    return event


async def call(stage: Stage, shop: Shop, path: str = PATHS[0], **more: Any) -> tuple[httpx.Response, UsageEvent]:
    async with stage.gateway.client(shop.key) as client:
        reply = await client.post(path, json=asked(shop, path, **more))
        assert reply.status_code == 200, reply.text
        return reply, await event_of(stage.control, reply)


def charged(control: ControlPlane, shop: Shop) -> int:
    events = [event for event in control.events.values() if event.service_id == shop.service.id]
    return sum(event.price_nanos for event in events)


async def test_a_claim_of_a_billion_tokens_costs_our_own_count_and_is_kept(stage: Stage) -> None:
    budget = a_limit("key", "nanos", "month", 550_000_000)
    shop = await stage.shop(plan=PRICES, key={"limits": [budget]})
    stage.upstream.script = claims(5, 999_999_000)
    _, event = await call(stage, shop, max_tokens=8)
    assert (event.tokens_in, event.tokens_out, event.source) == (1, 1, "estimated")
    assert event.price_nanos == 2 * TOKEN == stage.control.spent(budget.scope)
    assert (event.doubt, event.claimed_tokens_in, event.claimed_tokens_out) == ("output_beyond_bound", 5, 999_999_000)


async def test_sixty_four_clients_of_a_lying_service_pay_no_more_than_the_cap(stage: Stage) -> None:
    budget = a_limit("key", "nanos", "month", 550_000_000)
    shop = await stage.shop(plan=PRICES, key={"limits": [budget]})
    stage.upstream.script = claims(900, 5000)

    async def client_of_many(client: httpx.AsyncClient) -> None:
        for _ in range(3):
            await client.post(PATHS[0], json=asked(shop, max_tokens=8))

    async with stage.gateway.client(shop.key, limits=httpx.Limits(max_connections=64)) as client:
        await asyncio.gather(*(client_of_many(client) for _ in range(64)))
    await until(lambda: charged(stage.control, shop) == stage.control.spent(budget.scope))
    assert 0 < charged(stage.control, shop) <= budget.cap


@pytest.mark.parametrize("path", PATHS)
async def test_plausible_counts_beyond_the_hold_are_charged_up_to_the_cap(stage: Stage, path: str) -> None:
    budget = a_limit("key", "nanos", "month", 13 * TOKEN)
    protocol = "anthropic" if path == "/v1/messages" else "openai"
    shop = await stage.shop(protocol=protocol, plan=PRICES, key={"limits": [budget]})
    stage.upstream.script = claims(3, 12)
    bound = "max_output_tokens" if path == "/v1/responses" else "max_tokens"
    _, event = await call(stage, shop, path, **{bound: 12})
    assert event.price_nanos == 13 * TOKEN == stage.control.spent(budget.scope)
    assert (event.tokens_in, event.tokens_out) == (3, 10)
    assert (event.unpaid_tokens_in, event.unpaid_tokens_out, event.unpaid_nanos) == (0, 2, 2 * TOKEN)
    assert event.doubt is None


@pytest.mark.parametrize(
    ("kind", "unit", "included"),
    [
        ("subscription", "tokens", False), ("consumer", "tokens", False), ("deployment", "tokens", False),
        ("subscription", "included:tokens", True), ("consumer", "nanos", False), ("subscription", "nanos", False),
    ],
)  # fmt: skip
async def test_no_scope_is_passed(stage: Stage, kind: str, unit: str, included: bool) -> None:
    cap = 30 * TOKEN if unit == "nanos" else 30
    limit = a_limit(kind, unit, "month", cap)
    terms: dict[str, Any] = {"plan": PRICES}
    if included:
        terms["plan"] = {**PRICES, "included_unit": "tokens", "included": cap, "overage": False}
    if kind == "deployment":
        terms["deployment"] = {"limits": [limit]}
    elif kind == "consumer":
        terms["key"] = {"limits": [limit]}
    else:
        terms["limits"] = [limit]
    shop = await stage.shop(**terms)
    stage.upstream.script = claims(25, 14)
    async with stage.gateway.client(shop.key) as client:
        replies = [await client.post(PATHS[0], json=asked(shop, max_tokens=20)) for _ in range(3)]
    events = [await event_of(stage.control, reply) for reply in replies if reply.status_code == 200]
    assert events
    units = {"nanos": [event.price_nanos for event in events]}.get(
        unit, [event.tokens_in + event.tokens_out for event in events]
    )
    assert sum(units) == stage.control.spent(limit.scope) <= cap
    assert {reply.status_code for reply in replies} <= {200, 429}


async def test_a_hold_grows_before_the_answer_ends_where_the_cap_has_room(stage: Stage) -> None:
    budget = a_limit("key", "nanos", "month", 100_000 * TOKEN)
    shop = await stage.shop(plan=PRICES, key={"limits": [budget]})
    stage.upstream.script = claims(20, 6000, text="word " * 5000)
    _, event = await call(stage, shop)  # holds 1,024 tokens of output, as it sets no bound
    assert (event.tokens_in, event.tokens_out, event.unpaid_nanos) == (20, 6000, 0)
    assert stage.control.spent(budget.scope) == 6020 * TOKEN


@pytest.mark.parametrize(
    ("path", "given", "sent"),
    [
        (PATHS[0], {"max_tokens": 500}, {"max_tokens": 39}),
        (PATHS[0], {"max_completion_tokens": 500}, {"max_completion_tokens": 39}),
        (PATHS[0], {"max_completion_tokens": 500, "max_tokens": 7}, {"max_completion_tokens": 39, "max_tokens": 7}),
        (PATHS[0], {"max_tokens": 500, "n": 3}, {"max_tokens": 13, "n": 3}),
        (PATHS[0], {}, {"max_tokens": 39}),
        (PATHS[0], {"max_tokens": None}, {"max_tokens": 39}),
        (PATHS[0], {"max_tokens": -1}, {"max_tokens": 39}),
        (PATHS[0], {"max_tokens": -1, "max_completion_tokens": 7}, {"max_tokens": 39, "max_completion_tokens": 7}),
        (PATHS[1], {"max_tokens": 500, "best_of": 2}, {"max_tokens": 19, "best_of": 2}),
        (PATHS[2], {"max_output_tokens": 500}, {"max_output_tokens": 39}),
        (PATHS[2], {}, {"max_output_tokens": 39}),
        (PATHS[3], {"max_tokens": 500}, {"max_tokens": 39}),
        (PATHS[0], {"max_tokens": 39}, {"max_tokens": 39}),
    ],
)  # fmt: skip
async def test_near_a_cap_the_bound_that_goes_upstream_is_what_can_be_paid(
    stage: Stage, path: str, given: dict[str, Any], sent: dict[str, Any]
) -> None:
    budget = a_limit("key", "nanos", "month", 40 * TOKEN)
    protocol = "anthropic" if path == PATHS[3] else "openai"
    shop = await stage.shop(protocol=protocol, plan=PRICES, key={"limits": [budget]})
    stage.upstream.script = claims(1, 5)
    await call(stage, shop, path, **given)
    (request,) = stage.upstream.received
    assert {name: request.json.get(name) for name in sent} == sent
    assert request.json["model"] == "e5"


async def test_a_call_whose_input_cannot_be_paid_is_refused_and_one_far_from_a_cap_is_untouched(stage: Stage) -> None:
    budget = a_limit("key", "nanos", "month", 10_000 * TOKEN)
    shop = await stage.shop(plan=PRICES, key={"limits": [budget]})
    stage.upstream.script = claims(1, 5)
    async with stage.gateway.client(shop.key) as client:
        refused = await client.post(PATHS[0], json=asked(shop, text="i" * 40_004, max_tokens=10))
        await client.post(PATHS[0], json=asked(shop))
        await client.post(PATHS[0], json=asked(shop, max_tokens=800))
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "budget_exceeded")
    free, bound = [request.json for request in stage.upstream.received]
    assert "max_tokens" not in free
    assert bound["max_tokens"] == 800


def sse(path: str, text: str) -> bytes:
    """An event with text, in the dialect of the route."""
    if path == "/v1/responses":
        return b"data: " + json.dumps({"type": "response.output_text.delta", "delta": text}).encode() + b"\n\n"
    if path == "/v1/messages":
        row = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}
        return b"data: " + json.dumps(row).encode() + b"\n\n"
    choice = {"text": text} if path == "/v1/completions" else {"delta": {"content": text}}
    return b"data: " + json.dumps({"choices": [{"index": 0, **choice}]}).encode() + b"\n\n"


def endless(path: str, gone: asyncio.Event, size: int = 400, head: bytes = STREAM_HEAD) -> Script:
    """Streams text until the connection is closed."""

    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        try:
            while True:
                writer.write(chunk(sse(path, "o" * size)))
                await writer.drain()
                await asyncio.sleep(0.002)
        finally:
            gone.set()

    return script


async def test_a_stream_without_a_type_uses_up_no_more_than_the_cap_either(stage: Stage) -> None:
    budget = a_limit("key", "nanos", "month", 6000 * TOKEN)
    shop = await stage.shop(plan=PRICES, key={"limits": [budget]})
    gone = asyncio.Event()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n"
    stage.upstream.script = endless(PATHS[0], gone, head=head)
    reply, event = await call(stage, shop, stream=True)
    assert "budget_exceeded" in reply.text[-400:]
    assert event.ended_by == "budget_exceeded"
    assert event.price_nanos == stage.control.spent(budget.scope) <= budget.cap


@pytest.mark.parametrize("path", PATHS)
async def test_a_stream_that_uses_up_the_cap_ends_with_an_event_that_says_so(stage: Stage, path: str) -> None:
    # Room for a usual answer, so that the call is not bounded from the start.
    budget = a_limit("key", "nanos", "month", 6000 * TOKEN)
    protocol = "anthropic" if path == "/v1/messages" else "openai"
    shop = await stage.shop(protocol=protocol, plan=PRICES, key={"limits": [budget]})
    gone = asyncio.Event()
    stage.upstream.script = endless(path, gone)
    reply, event = await call(stage, shop, path, stream=True)
    async with asyncio.timeout(60):
        await gone.wait()
    rows = [row for row in reply.text.split("\n\n") if row.strip()]
    if path == "/v1/messages":
        assert rows[-1].startswith("event: error\n")
        assert json.loads(rows[-1].split("data: ")[1])["error"]["code"] == "budget_exceeded"
    elif path == "/v1/responses":
        body = json.loads(rows[-1].split("data: ")[1])
        assert (body["type"], body["code"]) == ("error", "budget_exceeded")
    else:
        assert rows[-1].strip() == "data: [DONE]"
        assert json.loads(rows[-2].removeprefix("data: "))["error"]["code"] == "budget_exceeded"
    assert (event.status, event.source, event.ended_by) == (200, "partial", "budget_exceeded")
    assert 5000 * TOKEN < event.price_nanos == stage.control.spent(budget.scope) <= budget.cap


async def test_the_openai_sdk_raises_its_own_error_where_a_stream_was_ended(stage: Stage) -> None:
    budget = a_limit("key", "nanos", "month", 6000 * TOKEN)
    shop = await stage.shop(plan=PRICES, key={"limits": [budget]})
    stage.upstream.script = endless(PATHS[0], asyncio.Event())
    client = openai.AsyncOpenAI(base_url=f"{stage.gateway.url}/v1", api_key=shop.key, max_retries=0)
    stream = await client.chat.completions.create(
        model=shop.model, messages=[{"role": "user", "content": "hey!"}], stream=True
    )
    text = ""
    with pytest.raises(openai.APIError) as raised:
        async for piece in stream:
            text += piece.choices[0].delta.content or ""
    assert raised.value.code == "budget_exceeded"
    assert len(text) > 4 * 4000
    await client.close()


async def test_a_long_stream_goes_on_while_more_can_be_held(stage: Stage) -> None:
    budget = a_limit("key", "nanos", "month", 200_000 * TOKEN)
    shop = await stage.shop(plan=PRICES, key={"limits": [budget]})
    pieces = [sse(PATHS[0], "o" * 4000) for _ in range(40)]
    done = b'data: {"choices":[],"usage":{"prompt_tokens":2,"completion_tokens":40000}}\n\ndata: [DONE]\n\n'

    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        for piece in [*pieces, done]:
            writer.write(chunk(piece))
            await writer.drain()
            await asyncio.sleep(0.002)
        writer.write(b"0\r\n\r\n")

    stage.upstream.script = script
    reply, event = await call(stage, shop, stream=True, stream_options={"include_usage": True})
    assert reply.content == b"".join([*pieces, done])
    expect(event, tokens_out=40_000, source="provider", unpaid_nanos=0, ended_by=None)
    assert stage.control.spent(budget.scope) == 40_002 * TOKEN


@pytest.mark.parametrize("claimed", [[7, 8, 9], [5, 10**12, 8], [10**12, 10**12], [8, 3, 1], [24, 24, 24]])
async def test_claims_that_grow_or_contradict_each_other_in_a_stream_never_pass_the_cap(
    stage: Stage, claimed: list[int]
) -> None:
    budget = a_limit("key", "nanos", "month", 13 * TOKEN)
    shop = await stage.shop(plan=PRICES, key={"limits": [budget]})

    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunk(sse(PATHS[0], "hi")))
        for count in claimed:
            usage = {"choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": count}}
            writer.write(chunk(b"data: " + json.dumps(usage).encode() + b"\n\n"))
            await writer.drain()
        writer.write(chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    stage.upstream.script = script
    reply, event = await call(stage, shop, stream=True, max_tokens=8)
    assert reply.text.rstrip().endswith("data: [DONE]")
    assert event.price_nanos == stage.control.spent(budget.scope) <= budget.cap
    assert (event.doubt == "output_beyond_bound") == (max(claimed) > 24)


async def test_without_the_control_plane_what_is_held_is_charged_and_the_answer_goes_on(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane, upstream: Upstream
) -> None:
    budget = a_limit("key", "nanos", "month", 64 * TOKEN)  # so small that nothing is borrowed ahead of need
    place = shop(plan=PRICES, key={"limits": [budget]})
    gateway = await start_gateway()

    async def script(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        await control.stop()
        await claims(30, 8)(request, reader, writer)  # type: ignore[arg-type]

    upstream.script = script
    async with gateway.client(place.key) as client:
        reply = await client.post(PATHS[0], json=asked(place, max_tokens=8))
    assert reply.status_code == 200
    await control.start()
    event = await event_of(control, reply)
    assert event.unpaid_nanos == 38 * TOKEN - event.price_nanos
    assert 9 * TOKEN <= event.price_nanos == control.spent(budget.scope) < 38 * TOKEN


async def test_what_another_gateway_holds_is_never_spent_here(stage: Stage) -> None:
    budget = a_limit("key", "nanos", "month", 100 * TOKEN)
    shop = await stage.shop(plan=PRICES, key={"limits": [budget]})
    lend_elsewhere(stage.control, budget, 80 * TOKEN)
    stage.upstream.script = claims(15, 8)
    _, event = await call(stage, shop, max_tokens=8)
    assert (event.price_nanos, event.unpaid_nanos) == (20 * TOKEN, 3 * TOKEN)


def lend_elsewhere(control: ControlPlane, limit: Limit, units: int) -> None:
    """Another gateway holds so much of it."""
    from tests.fakes.control_plane import Lease

    counter: Counter = control.counters[limit.scope]
    control.leases[f"elsewhere-{limit.scope}"] = Lease(limit.scope, "another", "life", units)
    counter.leases.append(f"elsewhere-{limit.scope}")
