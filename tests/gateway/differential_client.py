"""A client on a connection of its own, strict about what it reads, and the upstream that it reaches."""

import asyncio
import json
import random
import re
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from tests.fakes.gateway_process import GatewayProcess
from tests.gateway import oracle
from tests.gateway.oracle import WITH_BODY, Ask, Expected, Fields, Reply, Route, World

SIZES = [0, 1, 8, 9, 10, 11, 98, 99, 100, 101, 998, 1000]
CLIENTS = 4
ASKS_A_ROUND = 60
FAR = 20
REQUEST_ID = re.compile("req_[0-9a-f]{32}")

CHAT = [("POST", "/embeddings"), ("POST", "/chat/completions")]
FILES = [("POST", "/score"), ("GET", "/items/{id}"), ("PUT", "/items/{id}"), ("DELETE", "/items/{id}")]
FILE_CALLS = [
    ("POST", "/score"), ("GET", "/items/1"), ("GET", "/items/2"), ("HEAD", "/items/1"), ("PUT", "/items/1"),
    ("DELETE", "/items/1"), ("GET", "/score"), ("POST", "/none"),
]  # fmt: skip
MORE: list[tuple[tuple[str, str], ...]] = [
    (), (("X-Extra", "1"),), (("X-Extra", "2"),), (("X-Extra", "1"), ("Connection", "x-extra")),
    (("Accept-Encoding", "gzip"),), (("Cookie", "a=b"),), (("X-HTTP-Method-Override", "DELETE"),),
    (("X-Forwarded-For", "1.2.3.4"), ("TE", "trailers")), (("Content-Type", "application/json"),),
]  # fmt: skip
ANSWER_MORE: list[tuple[tuple[str, str], ...]] = [
    (), (("Date", "Tue, 24 Nov 2026 10:00:00 GMT"),), (("Date", "Tue, 24 Nov 2026 10:00:01 GMT"),),
    (("Set-Cookie", "a=b"),), (("X-Up", "1"), ("Connection", "x-up, keep-alive")), (("X-Up", "1"),),
    (("X-Request-Id", "theirs"), ("RateLimit", "theirs")), (("Vary", "a"), ("Vary", "b")), (("Retry-After", "7"),),
]  # fmt: skip


def next_ask(rng: random.Random, before: Ask, world: World) -> Ask:
    """The same again, or with one thing changed; always a call that HTTP knows."""
    if rng.random() < 0.5:
        return before
    paths = {"acme/chat": CHAT}.get(before.service, FILE_CALLS)
    method, path = rng.choice(paths)
    second = world.places["acme/files"].subscriptions[-1].id
    change: dict[str, Any] = rng.choice(
        [
            {"service": rng.choice(["acme/chat", "acme/files", "acme/any", "acme/none"]), "subscription": ""},
            *[{"service": "acme/any", "subscription": "", "more": (("X-HTTP-Method-Override", "DELETE"),)}] * 3,
            {"version": rng.choice(["", "@1", "@2", "@1.0.0", "@latest", "@stable", "@9"])},
            {"door": rng.choice(["v1", "s"])},
            {"method": method, "path": path},
            {"query": rng.choice(["", "a=1", "a=2"])},
            {"key": rng.choice(["one", "one", "two", "two", "revoked", "malformed", "none"])},
            {"key_field": rng.choice(["authorization", "x-api-key", "x-mercato-key"])},
            {"more": rng.choice(MORE)},
            *[{"size": rng.choice(SIZES)}] * 3,
            {"stream": rng.choice(["", "plain", "usage"])},
            {"chunked": not before.chunked},
            {"http10": not before.http10},
            {"closes": rng.random() < 0.2},
            {"keeps": not before.keeps},
            {"expects": not before.expects},
            {"subscription": rng.choice(["", second, "sub_none"])},
        ]
    )
    return _possible(replace(before, **change))


def _possible(ask: Ask) -> Ask:
    if ask.service == "acme/chat" and (ask.method, ask.path) not in CHAT:
        ask = replace(ask, method="POST", path="/embeddings")
    if ask.service != "acme/chat":
        ask = replace(ask, door="s")
        if (ask.method, ask.path) in CHAT:
            ask = replace(ask, path="/score")
    if ask.service == "acme/chat" and ask.subscription.startswith("sub_") and ask.subscription != "sub_none":
        ask = replace(ask, subscription="")
    if ask.http10:
        ask = replace(ask, chunked=False)
    if ask.method not in WITH_BODY:
        ask = replace(ask, chunked=False, expects=False)
    return ask


def next_reply(rng: random.Random, before: Reply) -> Reply:
    """Likewise. What cannot be repeated safely (junk, interim answers, a closed connection) is rare."""
    reply = replace(before, junk=b"", interim=False)
    if rng.random() < 0.5:
        return reply
    change: dict[str, Any] = rng.choice(
        [
            *[{"status": 200}] * 3,
            {"status": rng.choice([201, 204, 304, 400, 404, 418, 429, 500])},
            {"kind": rng.choice(["application/json", "text/plain", "text/event-stream"])},
            {"kind": "application/json"},
            {"framing": rng.choice(["length", "length", "chunked", "end"])},
            *[{"framing": "length"}] * 2,
            *[{"size": rng.choice(SIZES)}] * 3,
            {"size": 70_000},
            {"usage": rng.randrange(100)},
            *[{"more": rng.choice(ANSWER_MORE)}] * 2,
            {"length_first": not reply.length_first},
            {"interim": True},
            {"junk": rng.choice([b"x", b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx"])},
            {"closes": rng.random() < 0.4},
            {"cuts": rng.choice([0, 0, 1, 3])},
        ]
    )
    reply = replace(reply, **change)
    if reply.status in (429, 503) and ("Retry-After", "7") in reply.more:
        reply = replace(reply, more=())  # it would be left alone for that long
    if reply.framing == "end" or reply.cuts or reply.size > 1000:
        reply = replace(reply, junk=b"")  # may come apart from its answer, to the next call
    return reply


@dataclass
class Got:
    """A request as it reached the upstream."""

    line: str
    fields: Fields
    body: bytes


@dataclass
class Back:
    """The upstream: answers each client's calls in the order that `replies` has for it."""

    replies: dict[str, deque[Reply]] = field(default_factory=dict)
    got: dict[str, Got] = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        line, *rows = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")[:-4].split("\r\n")
        fields = [(name, value) for name, _, value in (row.partition(": ") for row in rows)]
        answer = dict(fields)
        body = await reader.readexactly(int(answer.get("content-length", "0")))
        request_id, client = answer.get("x-request-id", ""), answer.get("x-client", "")
        if request_id in self.got or not self.replies.get(client):
            self.strays.append(line)
            return False
        self.got[request_id] = Got(line, fields, body)
        reply = self.replies[client].popleft()
        method = line.split(" ")[0]
        raw = reply.raw(method)
        step = -(-len(raw) // (reply.cuts + 1))
        for start in range(0, len(raw), step):
            writer.write(raw[start : start + step])
            await writer.drain()
            await asyncio.sleep(0)
        return not (reply.closes or reply.framed_as(method) == "end")


@dataclass
class Seen:
    """An answer as the client read it."""

    line: str
    fields: Fields
    body: bytes
    framing: str


@dataclass
class Told:
    """What was asked, and what must be seen on each side."""

    ask: Ask
    route: Route
    reply: Reply
    key: str


class Client:
    """A client on one connection at a time, strict about what it reads."""

    def __init__(self, name: str, rng: random.Random, gateway: GatewayProcess, back: Back) -> None:
        self.name, self.rng, self.gateway, self.back = name, rng, gateway, back
        self.ask, self.reply = Ask(), Reply()
        self.calls: dict[str, Told] = {}
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def run(self, world: World, count: int) -> None:
        """So many calls, one after another or a few sent ahead; begins as it ended, or somewhere else."""
        for _ in range(FAR if self.rng.random() < 0.3 else 0):
            ask = next_ask(self.rng, self.ask, world)
            self.ask = ask if isinstance(oracle.decide(world, ask), Route) else self.ask
            self.reply = next_reply(self.rng, self.reply)
        while count > 0:
            asks: list[Ask] = []
            while not asks or (len(asks) < 3 and not (asks[-1].closes or asks[-1].http10) and self.rng.random() < 0.15):
                ask = next_ask(self.rng, self.ask, world)
                asks.append(ask)
                if isinstance(oracle.decide(world, ask), Route):
                    self.ask = ask  # from a refused one no further
            count -= len(asks)
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self.gateway.port, limit=1 << 20)
            await self._talk(world, asks)

    async def _talk(self, world: World, asks: list[Ask]) -> None:
        assert self._streams is not None
        reader, writer = self._streams
        plans: list[tuple[Ask, Route | tuple[int, str], Reply]] = []
        waiting = self.back.replies.setdefault(self.name, deque())
        for ask in asks:
            decided = oracle.decide(world, ask)
            if isinstance(decided, Route):
                self.reply = next_reply(self.rng, self.reply)
                waiting.append(self.reply)
            plans.append((ask, decided, self.reply))
        await self._send(writer, [self._written(world, ask) for ask in asks])
        for ask, decided, reply in plans:
            seen: Seen | None = None
            try:
                seen = await self._read(reader, ask)
                ends = self._check(world, ask, decided, reply, seen)
            except Exception as error:
                error.add_note(f"{self.name}, of {len(asks)}: {ask} -> {reply}\n{seen}")
                raise
        assert not waiting, f"never asked: {waiting}"
        if ends:
            assert await reader.read() == b""
            writer.close()
            self._streams = None

    async def _send(self, writer: asyncio.StreamWriter, messages: list[bytes]) -> None:
        """At once, one by one, or cut anywhere."""
        data, kind = b"".join(messages), self.rng.random()
        if kind < 0.2:
            place = self.rng.randrange(1, len(data))
            messages = [data[:place], data[place:]]
        elif kind < 0.5:
            messages = [data]
        for message in messages:
            writer.write(message)
            if message is not messages[-1]:
                await asyncio.sleep(0.001)

    def _written(self, world: World, ask: Ask) -> bytes:
        target = f"/s/{ask.name}{ask.path}" if ask.door == "s" else f"/v1{ask.path}"
        line = f"{ask.method} {target}{'?' + ask.query if ask.query else ''} HTTP/1.{0 if ask.http10 else 1}"
        rows = [*oracle.sent_fields(ask, world), ("X-Client", self.name)]
        body = ask.body()
        if ask.chunked:
            rows.append(("Transfer-Encoding", "chunked"))
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
        elif body or ask.method in WITH_BODY:
            rows.append(("Content-Length", str(len(body))))
        return "\r\n".join([line, *(f"{name}: {value}" for name, value in rows), "", ""]).encode() + body

    async def _read(self, reader: asyncio.StreamReader, ask: Ask) -> Seen:
        async with asyncio.timeout(60):
            line, *rows = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")[:-4].split("\r\n")
            if line == "HTTP/1.1 100 Continue":
                assert ask.expects
                assert not ask.http10
                return await self._read(reader, ask)
            fields = [(name, value) for name, _, value in (row.partition(": ") for row in rows)]
            names = [name for name, _ in fields]
            answer = dict(fields)
            assert names.count("content-length") + names.count("transfer-encoding") <= 1
            if ask.method == "HEAD" or line.split(" ")[1] in ("204", "304"):
                return Seen(line, fields, b"", "length" if "content-length" in answer else "nothing")
            if "content-length" in answer:
                return Seen(line, fields, await reader.readexactly(int(answer["content-length"])), "length")
            if "transfer-encoding" in answer:
                return Seen(line, fields, await self._chunks(reader), "chunked")
            return Seen(line, fields, await reader.read(), "end")

    @staticmethod
    async def _chunks(reader: asyncio.StreamReader) -> bytes:
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += await reader.readexactly(size)
            assert await reader.readexactly(2) == b"\r\n"
        assert await reader.readexactly(2) == b"\r\n"
        return body

    def _check(self, world: World, ask: Ask, decided: Route | tuple[int, str], reply: Reply, seen: Seen) -> bool:
        """Whether the connection ends; what the upstream must have got is checked too."""
        fields = dict(seen.fields)
        names = [name for name, _ in seen.fields]
        request_id = fields["x-request-id"]
        assert REQUEST_ID.fullmatch(request_id)
        assert request_id not in self.calls
        assert int(fields["x-mercato-overhead-us"]) > 0
        ends = not ask.keeps_alive or seen.framing == "end"
        own = ["x-request-id", "x-mercato-overhead-us"]
        if isinstance(decided, Route) and ask.key in world.limited:
            own = ["ratelimit-policy", "ratelimit", *own]
        if ends or ask.http10:
            assert fields["connection"] == ("close" if ends else "keep-alive")
            own.append("connection")
        if not isinstance(decided, Route):
            status, code = decided
            assert int(seen.line.split(" ")[1]) == status
            if ask.method != "HEAD":
                body = json.loads(seen.body)
                assert body["error"]["code"] == code if ask.door == "v1" else body["code"] == code
                assert body["request_id"] == request_id
            assert request_id not in self.back.got
            assert [names.count(name) for name in own if "ratelimit" not in name] == [1] * len(own)
            return ends
        self._check_answer(oracle.answered(ask, reply), seen, own)
        route = decided
        request = oracle.received(ask, world, route, self.name, request_id)
        self._check_request(ask, request, self.back.got[request_id])
        self.calls[request_id] = Told(ask, route, reply, world.text_of(ask))
        return ends

    @staticmethod
    def _check_answer(expected: Expected, seen: Seen, own: list[str]) -> None:
        assert (seen.line, seen.framing) == (expected.line, expected.framing)
        assert seen.body == expected.body
        rows = list(expected.fields)
        if expected.framing == "length":
            rows.append(("content-length", str(expected.length)))
        elif expected.framing == "chunked":
            rows.append(("transfer-encoding", "chunked"))
        assert seen.fields[: len(rows)] == rows
        assert [name for name, _ in seen.fields[len(rows) :]] == own

    @staticmethod
    def _check_request(ask: Ask, request: tuple[str, Fields, bytes], got: Got) -> None:
        line, fields, body = request
        seen = json.dumps(json.loads(got.body), sort_keys=True).encode() if ask.metered else got.body
        assert (got.line, seen) == (line, body)
        length = [("content-length", str(len(got.body)))] if got.body or ask.method in WITH_BODY else []
        assert got.fields == fields + length
