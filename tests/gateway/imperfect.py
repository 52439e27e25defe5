"""An upstream that answers what a test wants, and what the gateway metered of it."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from mercato_contracts.dataplane import UsageEvent
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, Shop
from tests.fakes.upstream import STREAM_HEAD, Received, Script, Upstream, chunk
from tests.gateway.conftest import Stage
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
