"""Memory is bounded: calls with ever new keys, models, ranges, subscriptions and paths leave nothing behind."""

import asyncio
import json
import os
import random

import pytest

from mercato_contracts.keys import make_key
from tests.fakes.control_plane import ControlPlane, new_id
from tests.fakes.gateway_process import GatewayProcess, StartGateway
from tests.fakes.marketplace import a_deployment, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import Upstream
from tests.support.waiting import until

CLIENTS = 16


class Wanderer:
    """Makes calls no two of which are alike."""

    def __init__(self, keys: list[str], seed: int) -> None:
        self._keys = keys
        self._dice = random.Random(seed)

    def next_call(self) -> bytes:
        dice, word = self._dice, f"{self._dice.getrandbits(64):x}"
        key = dice.choice(self._keys) if dice.random() < 0.97 else make_key("ck", new_id("key"), dice.randbytes(32))
        kind = dice.randrange(5)
        if kind == 0:
            return self._post(key, "/v1/embeddings", {"model": "acme/embedder", "input": word})
        if kind == 1:
            wanted = dice.choice([f">=1.0.{dice.getrandbits(30)}", word, f"^1.{dice.getrandbits(20)}"])
            return self._post(key, "/v1/embeddings", {"model": f"acme/embedder@{wanted}", "input": "x"})
        if kind == 2:
            return self._post(key, "/v1/embeddings", {"model": f"{word}/{word}", "input": "x"})
        if kind == 3:
            return self._post(key, "/v1/embeddings", {"model": "acme/embedder", "input": "x"}, f"sub_{word}")
        return self._post(key, f"/s/acme/any/{word}/{word}?{word}={word}", {word: word})

    def _post(self, key: str, path: str, body: dict[str, str], subscription: str = "") -> bytes:
        content = json.dumps(body)
        named = f"x-mercato-subscription: {subscription}\r\n" if subscription else ""
        fields = f"host: x\r\nauthorization: Bearer {key}\r\n{named}content-length: {len(content)}"
        return f"POST {path} HTTP/1.1\r\n{fields}\r\n\r\n{content}".encode()


async def wander(gateway: GatewayProcess, keys: list[str], calls: int, seed: int) -> int:
    """So many calls on one connection; how many were answered by a service."""
    wanderer, answered = Wanderer(keys, seed), 0
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    for _ in range(calls):
        writer.write(wanderer.next_call())
        head = await reader.readuntil(b"\r\n\r\n")
        answered += head.startswith(b"HTTP/1.1 200")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
        await reader.readexactly(length)
    writer.close()
    return answered


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_calls_that_are_all_different_do_not_grow_memory(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway
) -> None:
    calls = int(os.environ.get("CALLS", "200000"))
    control.keep_events = False
    embedder = a_service("acme/embedder", [a_release("1.2.0", [a_deployment(f"{upstream.url}/v1")])])
    anything = a_service(
        "acme/any", [a_release("1.0.0", [a_deployment(upstream.url)])], protocol="openapi", paths="any"
    )
    for service in (embedder, anything):
        control.put_service(service)
    keys = [a_subscriber(control, subscribe(embedder), subscribe(anything)) for _ in range(5_000)]
    gateway = await start_gateway(unknown_keys_per_minute=0)
    sizes: list[float] = []
    for part in range(4):
        answered = await asyncio.gather(
            *(wander(gateway, keys, calls // 4 // CLIENTS, part * CLIENTS + n) for n in range(CLIENTS))
        )
        upstream.received.clear()
        assert sum(answered) > calls // 4 // 5
        await until(lambda: _all_shipped(gateway), 120)
        sizes.append(gateway.rss_mb())
        print(f"after {(part + 1) * calls // 4} calls: {sizes[-1]:.1f} MB")
    assert sizes[3] < 220
    assert sizes[3] - sizes[1] < 25, sizes


async def _all_shipped(gateway: GatewayProcess) -> bool:
    return await gateway.metric("mercato_gateway_spool_behind_bytes") == 0
