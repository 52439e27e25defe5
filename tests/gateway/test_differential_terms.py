"""Whoever answers a call, it is charged to the nano-unit and held by every limit as `oracle_of_terms` says.

Clients call models by both doors; deployments fail, canaries run, plans, prices, caps, keys and fallbacks change in
between and while calls are in flight. A client's calls come one after another, so that what its limits refuse is
exact; the clients run side by side.
"""

import asyncio
import gzip
import json
import random
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import httpx
import pytest

from mercato_contracts.dataplane import (
    GrantedSubscription,
    Limit,
    SnapshotCanary,
    SnapshotDeployment,
    SnapshotPlan,
    SnapshotRelease,
    SnapshotService,
    UsageEvent,
)
from tests.fakes.control_plane import ControlPlane, a_grant
from tests.fakes.gateway_process import GatewayProcess, StartGateway
from tests.fakes.marketplace import a_deployment, a_limit, a_plan, a_release, a_service
from tests.gateway import oracle_of_terms as oracle
from tests.gateway.expected import expect
from tests.gateway.oracle_of_terms import PATHS, Ask, Reply, Stage, Used, World
from tests.support.ports import free_port
from tests.support.waiting import until

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
            if reply.cut and number == _cut_after(ask):
                return False
        writer.write(b"0\r\n\r\n")
        return True

    async def _hold(self, reply: Reply) -> None:
        if reply.held:
            self.waiting += 1
            await self.gate.wait()


def _cut_after(ask: Ask) -> int:
    """The event behind which a stream is cut: its text has come, what it used was not all told."""
    return 1 if ask.path in PATHS["anthropic"] else 0


@dataclass
class Seen:
    """An answer as the client read it; `whole` where it did not break off."""

    status: int
    request_id: str
    body: bytes
    whole: bool


@dataclass
class Told:
    """A call that must have an event, and what this must say; `stage` is who served it, 0 who was asked for."""

    client: str
    ask: Ask
    reply: Reply
    stages: list[Stage]
    stage: int
    status: int
    tokens: Used
    key_id: str
    least_included: int = 0
    most_included: int = 0
    place: str = ""
    included: int = 0
    nanos: int = 0
    left: dict[str, int] = field(default_factory=dict)
    paid: Used = field(default_factory=Used)
    believed: oracle.Believed = field(default_factory=lambda: oracle.Believed(Used()))


class Client:
    """An organisation with one key, whose calls come one after another."""

    def __init__(self, name: str, rng: random.Random, gateway: GatewayProcess, market: "Market") -> None:
        self.name, self.rng, self.market = name, rng, market
        self.ask, self.reply = Ask(), Reply()
        self.calls: dict[str, Told] = {}
        self.refused = 0
        self._http = httpx.AsyncClient(base_url=gateway.url, timeout=60)

    async def run(self, count: int) -> None:
        for _ in range(count):
            await self.call()

    async def call(self, *, held: bool = False) -> None:
        """One call, checked. A held one is answered when the gate opens."""
        world = self.market.world
        self.ask = next_ask(self.rng, self.ask, world, self.name)
        self.reply = next_reply(self.rng, self.reply)
        ask, reply = self.ask, self.reply
        if held:
            reply = _within_hold(ask, replace(reply, status=200, held=True, cut=False))
        found = oracle.stages(world, self.name, ask)
        if held and not self._is_sure(found, ask):
            return
        self.market.back.replies[self.name] = ask, reply
        key = self.market.keys[self.name]
        seen: Seen | None = None
        try:
            seen = await self._send(ask, key)
            self._check(found, ask, reply, seen, "key_" + key.split("_")[1])
        except Exception as error:
            error.add_note(f"{self.name}: {ask} -> {reply}\n{seen}\n{found}")
            if isinstance(found, list):
                for limit in found[0].limits:
                    rows = [lease for lease in self.market.control.leases.values() if lease.scope == limit.scope]
                    error.add_note(f"{limit.scope} {limit.cap} used {world.used.get(limit.scope)}: {rows[-8:]}")
            raise

    def _is_sure(self, found: tuple[int, str] | list[Stage], ask: Ask) -> bool:
        """Whether nothing but the first choice can answer."""
        if isinstance(found, tuple) or oracle.lacking(found[0], ask, self.market.world):
            return False
        able = found[0].able()
        return bool(able) and all(self._way(each) == "well" for _, each in able)

    def _way(self, deployment: SnapshotDeployment) -> str:
        return self.market.world.ways.get(place_of(deployment), "well")

    async def _send(self, ask: Ask, key: str) -> Seen:
        name = ask.service + ask.version
        url = f"/v1{ask.path}" if ask.door == "v1" else f"/s/{name}{ask.path}"
        headers = {"authorization": f"Bearer {key}", "x-client": self.name, "content-type": "application/json"}
        if ask.packed:
            headers["content-encoding"] = "gzip"
        if ask.subscription:
            headers["x-mercato-subscription"] = ask.subscription
        async with self._http.stream("POST", url, content=ask.body(), headers=headers) as answer:
            body, whole = b"", True
            try:
                async for piece in answer.aiter_bytes():
                    body += piece
            except httpx.RemoteProtocolError:
                whole = False
            return Seen(answer.status_code, answer.headers["x-request-id"], body, whole)

    def _check(self, found: tuple[int, str] | list[Stage], ask: Ask, reply: Reply, seen: Seen, key_id: str) -> None:
        world, trace = self.market.world, self.market.back.got.get(seen.request_id, [])
        assert not (len(trace) > 1 and not ask.repeatable), "sent again although a vendor had seen it"
        if isinstance(found, tuple):
            assert (seen.status, _code(seen)) == found
            assert trace == []
            return
        lacks = oracle.lacking(found[0], ask, world)
        if oracle.bound_of(found[0], ask, world) is None and found[0].able():
            self.refused += 1
            assert seen.status == 429, [(limit, world.left(limit)) for limit in lacks]
            assert _code(seen) in {oracle.code_of(limit) for limit in lacks}
            assert trace == []
            return
        places = [{place_of(each): (release, each) for release, each in stage.able()} for stage in found]
        number = 0
        for got in trace:
            while got.place not in places[number]:
                number += 1  # a later one, in their order
                assert number < len(found), f"sent to {got.place}"
        well = trace and self.market.world.ways.get(trace[-1].place, "well") == "well"
        if well:
            self._check_served(found, number, ask, reply, seen, trace[-1], key_id)
        else:
            self._check_failed(found, ask, seen, trace, key_id)

    def _check_served(
        self, found: list[Stage], number: int, ask: Ask, reply: Reply, seen: Seen, got: Got, key_id: str
    ) -> None:
        world, stage = self.market.world, found[number]
        bound = _check_request(stage, ask, got, oracle.bound_of(stage, ask, world))
        believed = oracle.believed(ask, reply, bound)
        tokens = believed.tokens
        assert seen.status == reply.status
        streams = ask.streams and reply.status < 400
        assert seen.whole == (not (streams and reply.cut))
        if not streams:
            assert seen.body == reply.body(ask)
        else:
            drops = ask.asks_usage and not reply.packed
            events = [event for event, usage in reply.events(ask) if not (usage and drops)]
            events = events[: _cut_after(ask) + 1] if reply.cut else events
            assert seen.body == b"".join(events)
        covered, _ = oracle.held(stage, ask, world)
        status = 502 if tokens.failed else reply.status
        answer = Told(self.name, ask, reply, found, number, status, tokens, key_id, place=got.place, believed=believed)
        self._note(answer, covered, seen)

    def _note(self, body: Told, covered: int, seen: Seen) -> None:
        """The call is to have an event. `covered` units were held of what the plan includes."""
        stage, world = body.stages[body.stage], self.market.world
        body.left = oracle.lefts(stage, world)
        owed = body.status < 500 and body.status not in oracle.NOT_OWED
        if owed and stage.plan.included_unit == "requests":
            body.least_included = body.most_included = covered
        elif owed and stage.plan.included_unit == "tokens":
            total = body.tokens.into + body.tokens.out
            left = next((body.left[limit.scope] for limit in stage.limits if ":included:" in limit.scope), 0)
            most = min(total, left)
            sure = oracle.paid(stage, body.tokens, covered if stage.plan.overage else most, body.left)
            body.least_included = min(covered if stage.plan.overage else most, sure.into + sure.out)
            body.most_included = most if stage.plan.overage else body.least_included
        self.calls[seen.request_id] = body
        self.market.expect(seen.request_id, body)

    def _check_failed(self, found: list[Stage], ask: Ask, seen: Seen, trace: list[Got], key_id: str) -> None:
        """Nobody answered: only where that may be."""
        last = -1
        for number, stage in enumerate(found):
            ways = {self._way(each) for _, each in stage.able()}
            if not ways or (number and oracle.bound_of(stage, ask, self.market.world) is None):
                continue
            last = number
            assert ways != {"well"}, f"{stage.service.name} could have served it"
            if trace and not ask.repeatable and trace[-1].place in {place_of(each) for _, each in stage.able()}:
                break  # a vendor has seen it
        if last < 0:
            assert (seen.status, _code(seen)) == (503, "no_deployment")
            return
        assert (seen.status, _code(seen)) == (502, "upstream_unreachable")
        self._note(Told(self.name, ask, Reply(), found, last, 502, Used(), key_id), 0, seen)


def _within_hold(ask: Ask, reply: Reply) -> Reply:
    """The reply of a service that uses no more than was held at the start, as limits change under way."""
    into, out = ask.estimate()
    return replace(reply, into=min(reply.into, into), out=min(reply.out, out), cached=0, size=min(reply.size, out))


def _check_request(stage: Stage, ask: Ask, got: Got, payable: int | None) -> int | None:
    """What the upstream got, and the bound of output in it: that of the client, or `payable` where this is less."""
    ((_, deployment),) = [each for each in stage.able() if place_of(each[1]) == got.place]
    said = json.loads(ask.text())
    if deployment.upstream_model is not None:
        said["model"] = deployment.upstream_model
    elif ask.door == "v1":
        said["model"] = stage.service.name
    if ask.asks_usage:
        said["stream_options"] = {"include_usage": True}
    assert payable is not None
    name = "max_output_tokens" if ask.path == "/responses" else "max_tokens"
    if ask.most is not None:
        # A little less, where a unit was on its way back from another call.
        assert got.body[name] == ask.most or 0 < got.body[name] <= payable
        said[name] = got.body[name]
    elif name in got.body:  # a request without a bound may get one near a cap
        assert 0 < got.body[name] <= 4096
        assert payable >= 1024 or got.body[name] <= payable
        said[name] = got.body[name]
    else:
        assert payable == 1024 or ask.repeatable
    assert (got.target, got.body) == (f"/{got.place}/v1{ask.path}", said)
    bound: int | None = said.get(name)
    return bound


def _code(seen: Seen) -> str:
    body = json.loads(seen.body)
    return str(body["error"]["code"] if "error" in body else body["code"])


def place_of(deployment: SnapshotDeployment) -> str:
    return deployment.url.split("/")[3]


class Market:
    """The control plane's side: what it says now, and how it changes its mind."""

    def __init__(self, control: ControlPlane, gateway: GatewayProcess, back: Back, port: int, rng: random.Random):
        self.control, self.gateway, self.back, self.port, self.rng = control, gateway, back, port, rng
        self.world = World(ways=back.ways)
        self.keys: dict[str, str] = {}
        self.count = 0
        self._open: dict[str, Told] = {}
        self._consumers: dict[str, str] = {}

    def open(self) -> None:
        """Five services of two protocols; each client subscribes to all, some twice."""
        for name, protocol in SERVICES.items():
            releases = [self._a_release(version) for version in ("1.0.0", "1.1.0", "2.0.0")]
            aliases = {"stable": "1.0.0"}
            service = a_service(name, releases, protocol=protocol, aliases=aliases, plans=[self._a_plan()])
            self._put(service)
        for client in CLIENTS:
            self.world.subscriptions[client] = [self._subscribe(each) for each in self.world.services.values()]
            self.world.key_limits[client] = []
            self._issue(client)

    async def change(self) -> None:
        """One thing; in force at the gateway when this returns, as its news comes in order."""
        changes = [
            *[self._prices, self._plan, self._cap, self._limits, self._ways, self._weights] * 2,
            self._deployments, self._canary, self._canary, self._status, self._alias, self._key, self._key_limits,
            self._fallbacks, self._fallbacks, self._cancel, self._second, self._gone,
        ]  # fmt: skip
        self.rng.choice(changes)()
        self.count += 1
        self.control.put_service(a_service(f"acme/news-{self.count}", []))

        async def heard() -> bool:
            return await self.gateway.metric("mercato_gateway_services") == len(self.control.services)

        await until(heard)

    def expect(self, request_id: str, body: Told) -> None:
        """The call uses up what the oracle says; where that is free to choose, its event says it."""
        if body.least_included == body.most_included:
            self._use(body, body.least_included)
        else:
            self._open[request_id] = body

    async def settled(self) -> None:
        """All that was used is known."""
        pending, self._open = self._open, {}
        for request_id, expected in pending.items():
            event = await until(partial(self._event, request_id))
            assert expected.least_included <= event.included <= expected.most_included, (
                f"{expected.ask} -> {expected.reply}\nleft {expected.left}\n"
                f"{expected.stages[expected.stage].plan}\n{event}"
            )
            self._use(expected, event.included)

    def _event(self, request_id: str) -> UsageEvent | None:
        return self.control.events.get("use_" + request_id.removeprefix("req_"))

    def _use(self, body: Told, included: int) -> None:
        stage = body.stages[body.stage]
        body.included, body.nanos, body.paid = included, 0, body.tokens
        if body.status < 500 and body.status not in oracle.NOT_OWED:
            body.paid = oracle.paid(stage, body.tokens, included, body.left)
            body.nanos = oracle.price(stage.plan, body.paid, included)
        for scope, units in oracle.spends(stage, body.paid, included, body.nanos):
            assert units <= body.left[scope], f"{scope} is passed"
            self.world.used[scope] = self.world.used.get(scope, 0) + units

    # Changes.

    def _put(self, service: SnapshotService) -> None:
        self.world.services[f"{service.vendor}/{service.name}"] = service
        self.control.put_service(service)

    def _any(self) -> SnapshotService:
        return self.rng.choice(list(self.world.services.values()))

    def _a_deployment(self, **changes: Any) -> SnapshotDeployment:
        self.count += 1
        url = f"http://127.0.0.1:{self.port}/d{self.count}/v1"
        model = self.rng.choice([None, f"model-{self.count}"])
        return a_deployment(url, **({"upstream_model": model, "weight": self.rng.choice([1, 100])} | changes))

    def _a_release(self, version: str) -> SnapshotRelease:
        operations = [("POST", path) for paths in PATHS.values() for path in paths]
        return a_release(
            version, [self._a_deployment() for _ in range(self.rng.choice([1, 1, 2]))], operations=operations
        )

    def _a_plan(self, **changes: Any) -> SnapshotPlan:
        unit = self.rng.choice([None, None, "requests", "tokens"])
        terms = {
            "per_call_nanos": self.rng.choice(PRICES), "per_1k_input_nanos": self.rng.choice(PRICES),
            "per_1k_output_nanos": self.rng.choice(PRICES), "included_unit": unit, "included": 1000,
            "overage": self.rng.random() < 0.6, "fallbacks": self.rng.choices(list(SERVICES), k=self.rng.randrange(3)),
        }  # fmt: skip
        return a_plan(**(terms | changes))

    def _subscribe(self, service: SnapshotService) -> GrantedSubscription:
        """To its last plan."""
        plan = service.plans[-1]
        limits = self._some_limits("subscription")
        if plan.included_unit is not None:
            cap = 5 if plan.included_unit == "requests" else self.rng.choice([100, 3000])
            limits.append(a_limit("subscription", f"included:{plan.included_unit}", "month", cap))
        self.control.watch(*limits)
        self.count += 1
        return GrantedSubscription(id=f"sub_{self.count:032x}", service_id=service.id, plan_id=plan.id, limits=limits)

    def _some_limits(self, kind: str) -> list[Limit]:
        kinds = [
            ("requests", "day", 60), ("tokens", "month", 60_000), ("nanos", "month", 30_000_000),
            ("concurrent", "ever", 2),
        ]  # fmt: skip
        return [a_limit(kind, *each) for each in self.rng.sample(kinds, self.rng.choice([0, 0, 1, 2]))]

    def _grant(self, client: str) -> None:
        """What the client's key may do has changed."""
        key = self.keys[client]
        limits = self.world.key_limits[client]
        self.control.watch(*limits)
        self.control.grants[key] = self.control.grants[key].model_copy(
            update={"limits": limits, "subscriptions": self.world.subscriptions[client]}
        )
        self.control.consumer_changed(self._consumers[client])

    def _issue(self, client: str) -> None:
        grant = a_grant(subscriptions=self.world.subscriptions[client], limits=self.world.key_limits[client])
        self._consumers[client] = grant.consumer_id
        self.keys[client] = self.control.put_key(grant)

    def _key(self) -> None:
        client = self.rng.choice(CLIENTS)
        self.control.revoke(self.keys[client])
        self._issue(client)

    def _key_limits(self) -> None:
        client = self.rng.choice(CLIENTS)
        self.world.key_limits[client] = self._some_limits("key")
        self._grant(client)

    def _prices(self) -> None:
        """Other terms under the same plan."""
        service = self._any()
        plans = [
            plan.model_copy(
                update={
                    "per_call_nanos": self.rng.choice(PRICES), "per_1k_input_nanos": self.rng.choice(PRICES),
                    "per_1k_output_nanos": self.rng.choice(PRICES),
                }
            )
            for plan in service.plans
        ]  # fmt: skip
        self._put(service.model_copy(update={"plans": plans}))

    def _plan(self) -> None:
        """Another plan, to which a client's subscriptions move, while others stay; sometimes the old one is no more."""
        service, client = self._any(), self.rng.choice(CLIENTS)
        plans = [*service.plans, self._a_plan()][-3:]
        self._put(service.model_copy(update={"plans": plans}))
        self.world.subscriptions[client] = [
            each
            if each.service_id != service.id
            else self._subscribe(self.world.services[f"{service.vendor}/{service.name}"])
            for each in self.world.subscriptions[client]
        ]
        self._grant(client)

    def _one_subscription(self) -> tuple[str, int]:
        client = self.rng.choice([client for client in CLIENTS if self.world.subscriptions[client]])
        return client, self.rng.randrange(len(self.world.subscriptions[client]))

    def _cap(self) -> None:
        """Caps rise or fall, also under what was used."""
        client, place = self._one_subscription()
        mine = self.world.subscriptions[client]
        limits = [
            limit.model_copy(
                update={"cap": max(1, limit.cap * self.rng.choice([1, 3, 8]) // self.rng.choice([1, 2, 4]))}
            )
            for limit in mine[place].limits
        ]
        mine[place] = mine[place].model_copy(update={"limits": limits})
        self.control.watch(*limits)
        self._grant(client)

    def _limits(self) -> None:
        client, place = self._one_subscription()
        mine = self.world.subscriptions[client]
        kept = [limit for limit in mine[place].limits if ":included:" in limit.scope]
        limits = [*kept, *self._some_limits("subscription")]
        mine[place] = mine[place].model_copy(update={"limits": limits})
        self.control.watch(*limits)
        self._grant(client)

    def _cancel(self) -> None:
        client, place = self._one_subscription()
        if len(self.world.subscriptions[client]) > 3:
            del self.world.subscriptions[client][place]
            self._grant(client)

    def _second(self) -> None:
        """One more subscription to a service."""
        client = self.rng.choice(CLIENTS)
        self.world.subscriptions[client].append(self._subscribe(self._any()))
        self._grant(client)

    def _changed_release(self, **changes: Any) -> None:
        service = self._any()
        place = self.rng.randrange(len(service.releases))
        releases = list(service.releases)
        releases[place] = releases[place].model_copy(update=changes)
        self._put(service.model_copy(update={"releases": releases}))

    def _deployments(self) -> None:
        self._changed_release(deployments=[self._a_deployment() for _ in range(self.rng.choice([0, 1, 1, 2, 3]))])

    def _status(self) -> None:
        self._changed_release(status=self.rng.choice(["live", "live", "deprecated", "yanked"]))

    def _weights(self) -> None:
        service = self._any()
        weights = [1, 100] if service.canary is not None else [0, 1, 100]
        self._changed_deployments(service, lambda each: each.model_copy(update={"weight": self.rng.choice(weights)}))

    def _changed_deployments(self, service: SnapshotService, change: Any) -> None:
        releases = [
            release.model_copy(update={"deployments": [change(each) for each in release.deployments]})
            if self.rng.random() < 0.5 else release
            for release in service.releases
        ]  # fmt: skip
        self._put(service.model_copy(update={"releases": releases}))

    def _ways(self) -> None:
        """Deployments die, break or recover; a dead one is at an address where nobody listens."""

        usual = self.rng.choice(["well", "dead", "breaks"])

        def changed(deployment: SnapshotDeployment) -> SnapshotDeployment:
            self.count += 1
            place = f"d{self.count}"
            way = usual if self.rng.random() < 0.7 else self.rng.choice(["well", "dead", "breaks"])
            self.world.ways[place] = way
            port = free_port() if way == "dead" else self.port
            return deployment.model_copy(update={"url": f"http://127.0.0.1:{port}/{place}/v1"})

        self._changed_deployments(self._any(), changed)

    def _canary(self) -> None:
        service = self._any()
        aliases = {name: version for name, version in service.aliases.items() if name != "canary"}
        canary = None
        weights = [each.weight for release in service.releases for each in release.deployments]
        if self.rng.random() < 0.7 and all(weights):
            canary = SnapshotCanary(
                version=self.rng.choice(service.releases).version, percent=self.rng.choice([1, 50, 99])
            )
            aliases["canary"] = canary.version
        self._put(service.model_copy(update={"canary": canary, "aliases": aliases}))

    def _alias(self) -> None:
        service = self._any()
        stable = self.rng.choice(service.releases).version
        self._put(service.model_copy(update={"aliases": service.aliases | {"stable": stable}}))

    def _fallbacks(self) -> None:
        service = self._any()
        plans = [
            plan.model_copy(update={"fallbacks": self.rng.choices(list(SERVICES), k=self.rng.randrange(3))})
            for plan in service.plans
        ]
        self._put(service.model_copy(update={"plans": plans}))

    def _gone(self) -> None:
        """Another service takes the name of one."""
        old = self._any()
        self.control.remove_service(old.id)
        new = a_service(
            f"{old.vendor}/{old.name}", [self._a_release("1.0.0"), self._a_release("2.0.0")], protocol=old.protocol,
            aliases={"stable": "2.0.0"}, plans=[self._a_plan()],
        )  # fmt: skip
        self._put(new)
        for client in CLIENTS[1:]:
            self.world.subscriptions[client].append(self._subscribe(new))
            self._grant(client)


def check_event(control: ControlPlane, event: UsageEvent, body: Told) -> None:
    """It says what the oracle says."""
    stage, tokens = body.stages[body.stage], body.paid
    asked = body.stages[0].service.id if body.stage else None
    expect(
        event,
        body,
        service_id=stage.service.id,
        vendor_id=stage.service.vendor_id,
        subscription_id=stage.subscription.id,
        plan_id=stage.plan.id,
        asked_service_id=asked,
        status=body.status,
        tokens_in=tokens.into,
        tokens_out=tokens.out,
        tokens_cached=tokens.cached,
        source=tokens.source,
        included=body.included,
        price_nanos=body.nanos,
        currency=stage.plan.currency,
        key_id=body.key_id,
        bytes_in=len(body.ask.text()),
    )
    claimed = body.believed.claimed
    expect(
        event,
        body,
        unpaid_tokens_in=body.tokens.into - tokens.into,
        unpaid_tokens_out=body.tokens.out - tokens.out,
        doubt=body.believed.doubt,
        claimed_tokens_in=None if claimed is None else claimed.into,
        claimed_tokens_out=None if claimed is None else claimed.out,
    )
    if body.place:
        ids = {place_of(each): (release.id, each.id) for release, each in stage.able()}
        assert (event.release_id, event.deployment_id) == ids[body.place]
    used: dict[str, int] = {}
    for lease, units in event.spends:
        scope = control.leases[lease].scope
        used[scope] = used.get(scope, 0) + units
    assert used == dict(oracle.spends(stage, tokens, body.included, body.nanos)), (body, event)


async def change_under_way(market: Market, clients: list[Client]) -> None:
    """Changes one thing while each client has a call in flight, which goes on by the terms that held at its start."""
    back = market.back
    back.gate.clear()
    back.waiting = 0
    calls = [asyncio.create_task(client.call(held=True)) for client in clients]
    await until(lambda: back.waiting + sum(call.done() for call in calls) == len(calls))
    await market.change()
    back.gate.set()
    await asyncio.gather(*calls)


async def run(seed: int, rounds: int, control: ControlPlane, start_gateway: StartGateway) -> None:
    rng, back = random.Random(seed), Back({})
    server = await asyncio.start_server(back.serve, "127.0.0.1", 0, limit=1 << 20)
    gateway = await start_gateway()
    market = Market(control, gateway, back, server.sockets[0].getsockname()[1], rng)
    market.open()
    clients = [Client(name, random.Random(f"{seed}-{name}"), gateway, market) for name in CLIENTS]
    for _ in range(rounds):
        await change_under_way(market, clients)
        for _ in range(CALLS_A_ROUND):
            await market.settled()
            await asyncio.gather(*(client.call() for client in clients))
    await market.settled()
    calls = {request_id: expected for client in clients for request_id, expected in client.calls.items()}
    await until(lambda: len(control.events) >= len(calls))
    events = {event.request_id: event for event in control.events.values()}
    assert events.keys() == calls.keys()
    for request_id, expected in calls.items():
        check_event(control, events[request_id], expected)
    assert gateway.events("call_broke") == []
    server.close()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, *range(100, 110)])
async def test_every_call_is_held_and_charged_by_the_terms_of_its_moment(
    seed: int, control: ControlPlane, start_gateway: StartGateway
) -> None:
    await run(seed, 60, control, start_gateway)
