"""A gateway remembers much from call to call: heads by their bytes, lanes, prepared requests. None of it may show.

Clients on connections of their own send calls that differ in one thing from the one before, an upstream answers what it
was told to, the control plane changes its mind in between. Whatever is seen on any side must be what `oracle` says,
which remembers nothing.
"""

import asyncio
import random
from typing import Any

import pytest

from mercato_contracts.dataplane import SnapshotCredential, SnapshotService
from tests.fakes.control_plane import ControlPlane, a_grant
from tests.fakes.gateway_process import GatewayProcess, StartGateway
from tests.fakes.marketplace import a_deployment, a_limit, a_release, a_service, subscribe
from tests.gateway import oracle
from tests.gateway.differential_client import ASKS_A_ROUND, CHAT, CLIENTS, FILES, Back, Client, Told
from tests.gateway.expected import expect
from tests.gateway.oracle import Place, World
from tests.support.waiting import until


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
            status=502 if oracle.holds_nothing(ask, reply) else reply.status,
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
