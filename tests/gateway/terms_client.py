"""An organisation that calls and holds each answer against `oracle_of_terms`."""

import json
import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import httpx

from mercato_contracts.dataplane import (
    SnapshotDeployment,
)
from tests.fakes.gateway_process import GatewayProcess
from tests.gateway import oracle_of_terms as oracle
from tests.gateway.oracle_of_terms import Stage, Used
from tests.gateway.terms_calls import Ask, Reply
from tests.gateway.terms_upstream import Got, cut_after, next_ask, next_reply

if TYPE_CHECKING:
    from tests.gateway.terms_market import Market


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
            events = events[: cut_after(ask) + 1] if reply.cut else events
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
    wanted = json.loads(ask.text())
    if deployment.upstream_model is not None:
        wanted["model"] = deployment.upstream_model
    elif ask.door == "v1":
        wanted["model"] = stage.service.name
    if ask.asks_usage:
        wanted["stream_options"] = {"include_usage": True}
    assert payable is not None
    name = "max_output_tokens" if ask.path == "/responses" else "max_tokens"
    if ask.most is not None:
        # A little less, where a unit was on its way back from another call.
        assert got.body[name] == ask.most or 0 < got.body[name] <= payable
        wanted[name] = got.body[name]
    elif name in got.body:  # a request without a bound may get one near a cap
        assert 0 < got.body[name] <= 4096
        assert payable >= 1024 or got.body[name] <= payable
        wanted[name] = got.body[name]
    else:
        assert payable == 1024 or ask.repeatable
    assert (got.target, got.body) == (f"/{got.place}/v1{ask.path}", wanted)
    bound: int | None = wanted.get(name)
    return bound


def _code(seen: Seen) -> str:
    body = json.loads(seen.body)
    return str(body["error"]["code"] if "error" in body else body["code"])


def place_of(deployment: SnapshotDeployment) -> str:
    return deployment.url.split("/")[3]
