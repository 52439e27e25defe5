"""A gateway remembers much from call to call: heads by their bytes, lanes, prepared requests. None of it may show.

Clients on connections of their own send calls that differ in one thing from the one before, an upstream answers what it
was told to, the control plane changes its mind in between. Whatever is seen on any side must be what `oracle` says,
which remembers nothing.
"""

import asyncio
import json
import random
import re
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from mercato_contracts.dataplane import SnapshotCredential, SnapshotService
from tests.fakes.control_plane import ControlPlane, a_grant
from tests.fakes.gateway_process import GatewayProcess, StartGateway
from tests.fakes.marketplace import a_deployment, a_limit, a_release, a_service, subscribe
from tests.gateway import oracle
from tests.gateway.expected import expect
from tests.gateway.oracle import WITH_BODY, Ask, Expected, Fields, Place, Reply, Route, World
from tests.support.waiting import until

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


class Market:
    """The control plane's side: what it says now, and how it changes its mind."""

    def __init__(self, control: ControlPlane, gateway: GatewayProcess, url: str, rng: random.Random) -> None:
        self.control, self.gateway, self.url, self.rng = control, gateway, url, rng
        self.world = World()
        self.count = 0

    def open(self) -> None:
        """Three services with deployments of their own on one upstream, two keys."""
        chat = [
            a_release(v, [a_deployment(f"{self.url}/c{v[0]}/v1", upstream_model=f"m{v[0]}")], operations=CHAT)
            for v in ("1.0.0", "2.0.0")
        ]
        files = a_release("1.0.0", [a_deployment(f"{self.url}/files")], operations=FILES)
        free = a_release("1.0.0", [a_deployment(f"{self.url}/any")], operations=FILES)
        stable = {"stable": "1.0.0"}
        for service, times in (
            (a_service("acme/chat", chat, aliases=stable), 1),
            (a_service("acme/files", [files], protocol="openapi", aliases=stable), 2),
            (a_service("acme/any", [free], protocol="openapi", paths="any", aliases=stable), 1),
        ):
            subscriptions = [subscribe(service) for _ in range(times)]
            self.world.places[f"acme/{service.name}"] = Place(service, subscriptions)
            self.control.put_service(service)
        for name in ("one", "two", "revoked"):
            self.issue(name)
        self.revoke("revoked")

    def issue(self, name: str) -> None:
        """A key of another organisation, with or without a limit."""
        granted = [each for place in self.world.places.values() for each in place.subscriptions]
        limits = [a_limit("key", "requests", "minute", 10_000_000)] if self.rng.random() < 0.5 else []
        self.world.limited.discard(name)
        if limits:
            self.world.limited.add(name)
        self.world.keys[name] = self.control.put_key(a_grant(subscriptions=granted, limits=limits))

    def revoke(self, name: str) -> None:
        key = self.world.keys.pop(name)
        self.world.old.append(key)
        self.control.revoke(key)

    async def change(self) -> None:
        """One thing; in force at the gateway when this returns, as its news comes in order."""
        changes = [self._rotate, self._limit, self._release, self._move, self._alias, self._secret]
        self.rng.choice([*changes, *[self._paths] * 3])()
        self.count += 1
        self.control.put_service(a_service(f"acme/news-{self.count}", []))

        async def heard() -> bool:
            return await self.gateway.metric("mercato_gateway_services") == len(self.control.services)

        await until(heard)

    def _put(self, name: str, **changes: Any) -> None:
        place = self.world.places[name]
        place.wire = place.wire.model_copy(update=changes)
        self.control.put_service(place.wire)

    def _rotate(self) -> None:
        name = self.rng.choice(["one", "two"])
        self.revoke(name)
        self.issue(name)

    def _limit(self) -> None:
        name = self.rng.choice(["one", "two"])
        key = self.world.keys[name]
        grant = self.control.grants[key]
        limits = [] if name in self.world.limited else [a_limit("key", "requests", "minute", 10_000_000)]
        self.world.limited ^= {name}
        self.control.grants[key] = grant.model_copy(update={"limits": limits})
        self.control.watch(*limits)
        self.control.consumer_changed(grant.consumer_id)

    def _paths(self) -> None:
        now = self.world.places["acme/any"].wire.paths
        self._put("acme/any", paths="published" if now == "any" else "any")

    def _release(self) -> None:
        wire = self.world.places["acme/chat"].wire
        number = len(wire.releases)
        major = self.rng.choice("12")
        deployment = a_deployment(f"{self.url}/c{major}-{number}/v1", upstream_model=f"m{number}")
        self._put(
            "acme/chat",
            releases=[*wire.releases, a_release(f"{major}.{number}.0", [deployment], operations=CHAT)],
        )

    def _changed_deployment(self, wire: SnapshotService, **changes: Any) -> None:
        *rest, last = wire.releases
        deployment = last.deployments[0].model_copy(update=changes)
        self._put(f"acme/{wire.name}", releases=[*rest, last.model_copy(update={"deployments": [deployment]})])

    def _move(self) -> None:
        wire = self.world.places[self.rng.choice(["acme/chat", "acme/files"])].wire
        ending = "/v1" if wire.name == "chat" else ""
        self._changed_deployment(wire, url=f"{self.url}/moved-{self.count}{ending}")

    def _alias(self) -> None:
        now = self.world.places["acme/chat"].wire.aliases["stable"]
        self._put("acme/chat", aliases={"stable": "2.0.0" if now == "1.0.0" else "1.0.0"})

    def _secret(self) -> None:
        wire = self.world.places["acme/files"].wire
        secret = SnapshotCredential(header="x-extra", value=f"secret-{self.count:08}")
        gone = wire.releases[-1].deployments[0].credential is not None and self.rng.random() < 0.5
        self._changed_deployment(wire, credential=None if gone else secret)


def check_events(control: ControlPlane, calls: dict[str, Told]) -> None:
    """One event for each call that reached an upstream, saying what the call was."""
    events = {event.request_id: event for event in control.events.values()}
    assert events.keys() == calls.keys()
    for request_id, expected in calls.items():
        event, ask, reply, route = events[request_id], expected.ask, expected.reply, expected.route
        answer = oracle.answered(ask, reply)
        has_body = ask.method != "HEAD" and reply.status not in (204, 304)
        expect(
            event,
            expected,
            service_id=route.service.id,
            subscription_id=route.subscription.id,
            release_id=route.release.id,
            deployment_id=route.deployment.id,
            operation=route.operation,
            status=reply.status,
            bytes_in=len(ask.body()),
            bytes_out=len(answer.body),
            streamed=ask.metered and reply.is_stream and has_body,
            key_id="key_" + expected.key.split("_")[1],
        )
        tokens = oracle.tokens(ask, reply)
        assert tokens in (None, (event.tokens_in, event.tokens_out)), expected


async def run(seed: int, rounds: int, control: ControlPlane, start_gateway: StartGateway) -> None:
    rng, back = random.Random(seed), Back()
    server = await asyncio.start_server(back.serve, "127.0.0.1", 0, limit=1 << 20)
    gateway = await start_gateway()
    market = Market(control, gateway, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", rng)
    market.open()
    clients = [Client(f"client-{n}", random.Random(f"{seed}-{n}"), gateway, back) for n in range(CLIENTS)]
    for _ in range(rounds):
        await market.change()
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(client.run(market.world, ASKS_A_ROUND))
    calls = {request_id: expected for client in clients for request_id, expected in client.calls.items()}
    assert len(calls) > rounds * CLIENTS * ASKS_A_ROUND // 3
    await until(lambda: len(control.events) >= len(calls))
    check_events(control, calls)
    assert back.strays == []
    assert len(back.got) == len(calls)
    assert gateway.events("call_broke") == []
    server.close()


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_that_is_remembered_shows(seed: int, control: ControlPlane, start_gateway: StartGateway) -> None:
    await run(seed, 6, control, start_gateway)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
async def test_nothing_that_is_remembered_shows_for_long(
    seed: int, control: ControlPlane, start_gateway: StartGateway
) -> None:
    await run(seed, 40, control, start_gateway)
