"""What clients ask and upstreams answer, each a step away from the one before, and the upstreams themselves."""

import asyncio
import gzip
import json
import random
from dataclasses import dataclass, field, replace
from typing import Any

from tests.gateway.oracle_of_terms import World
from tests.gateway.terms_calls import PATHS, Ask, Reply

CLIENTS = ("ann", "bob", "cyd")
CALLS_A_ROUND = 25
SERVICES = {
    "acme/first": "openai", "umbrella/second": "openai", "acme/third": "openai",
    "acme/claude": "anthropic", "umbrella/opus": "anthropic",
}  # fmt: skip
PRICES = [0, 1, 7, 999, 1000, 1001, 250_000]
SIZES = [0, 1, 3, 4, 5, 40, 400]


def next_ask(rng: random.Random, before: Ask, world: World, client: str) -> Ask:
    """The same again, or with one thing changed."""
    if rng.random() < 0.3:
        return before
    mine = [each.id for each in world.subscriptions[client]]
    change: dict[str, Any] = rng.choice(
        [
            *[{"service": rng.choice(list(SERVICES))}] * 3,
            *[{"version": rng.choice(["", "@latest", "@^1", "@~1.0", "@1.0.0", "@2.0.0", "@canary", "@stable", "@9"])}]
            * 2,
            *[{"path": rng.choice([path for paths in PATHS.values() for path in paths])}] * 3,
            {"door": rng.choice(["v1", "s"])},
            *[{"size": rng.choice(SIZES)}] * 2,
            {"system": rng.choice(SIZES)},
            *[{"most": rng.choice([None, 0, 1, 10, 50, 300])}] * 2,
            {"times": rng.choice([None, 0, 1, 3])},
            *[{"stream": rng.choice(["", "plain", "usage"])}] * 2,
            {"packed": rng.random() < 0.1},
            {"subscription": rng.choice(["", "", "sub_none", *mine])},
        ]
    )
    ask = replace(before, **change)
    paths = PATHS[SERVICES[ask.service]]
    if "path" not in change and ask.path not in paths and rng.random() < 0.95:
        ask = replace(ask, path=rng.choice(paths))  # now and then one asks a service for what it does not speak
    if ask.door == "s" and ask.path not in paths:
        ask = replace(ask, door="v1")
    if "subscription" not in change and rng.random() < 0.95:
        ask = replace(ask, subscription="")
    return ask


def next_reply(rng: random.Random, before: Reply) -> Reply:
    """Likewise."""
    reply = replace(before, held=False, cut=False, error=False)
    if rng.random() < 0.3:
        return reply
    change: dict[str, Any] = rng.choice(
        [
            *[{"status": 200}] * 3,
            {"status": rng.choice([201, 400, 401, 403, 404, 408, 422, 429, 500, 503])},
            *[{"usage": rng.choice(["whole", "whole", "floats", "digits", "absurd", "none"])}] * 2,
            *[{"into": rng.choice([0, 1, 5, 999, 1000, 1001])}] * 2,
            *[{"out": rng.choice([0, 1, 7, 49, 50, 51, 300, 3000])}] * 2,
            {"cached": rng.choice([0, 1, 5, 2000])},
            *[{"size": rng.choice(SIZES)}] * 2,
            {"packed": not reply.packed},
            {"cut": True, "packed": False},
            {"error": rng.random() < 0.5},
            {"done": not reply.done},
        ]
    )
    return replace(reply, **change)


@dataclass
class Got:
    """A request as it reached a deployment, named by the first segment of its path."""

    place: str
    target: str
    body: dict[str, Any]


@dataclass
class Back:
    """The upstreams of all deployments: answers each client's call with the reply that it has for it."""

    ways: dict[str, str]
    replies: dict[str, tuple[Ask, Reply]] = field(default_factory=dict)
    got: dict[str, list[Got]] = field(default_factory=dict)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line, *rows = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")[:-4].split("\r\n")
        answer = dict(row.split(": ", 1) for row in rows)
        if "x-client" not in answer:
            return True  # a check of health
        body = await reader.readexactly(int(answer["content-length"]))
        target = line.split(" ")[1]
        place = target.split("/")[1]
        self.got.setdefault(answer["x-request-id"], []).append(Got(place, target, json.loads(body)))
        if self.ways.get(place, "well") == "breaks":
            return False
        ask, reply = self.replies[answer["x-client"]]
        return await self._answer(writer, ask, reply)

    async def _answer(self, writer: asyncio.StreamWriter, ask: Ask, reply: Reply) -> bool:
        streams = ask.streams and reply.status < 400
        kind = "text/event-stream" if streams else "application/json"
        head = f"HTTP/1.1 {reply.status} X\r\ncontent-type: {kind}\r\n"
        if reply.packed:
            head += "content-encoding: gzip\r\n"
        if not streams:
            await self._hold(reply)
            body = reply.body(ask)
            body = gzip.compress(body, mtime=0) if reply.packed else body
            writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            return True
        events = [event for event, _ in reply.events(ask)]
        parts = [gzip.compress(b"".join(events), mtime=0)] if reply.packed else events
        writer.write(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
        for number, part in enumerate(parts):
            if number == 1:
                await self._hold(reply)
            writer.write(b"%x\r\n%b\r\n" % (len(part), part))
            await writer.drain()
            if reply.cut and number == cut_after(ask):
                return False
        writer.write(b"0\r\n\r\n")
        return True

    async def _hold(self, reply: Reply) -> None:
        if reply.held:
            self.waiting += 1
            await self.gate.wait()


def cut_after(ask: Ask) -> int:
    """The event behind which a stream is cut: its text has come, what it used was not all told."""
    return 1 if ask.path in PATHS["anthropic"] else 0
