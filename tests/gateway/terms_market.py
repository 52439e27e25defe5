"""The control plane that changes plans, prices, caps, keys and fallbacks under way."""

import random
from functools import partial
from typing import Any

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
from tests.fakes.gateway_process import GatewayProcess
from tests.fakes.marketplace import a_deployment, a_limit, a_plan, a_release, a_service
from tests.gateway import oracle_of_terms as oracle
from tests.gateway.oracle_of_terms import World
from tests.gateway.terms_calls import PATHS
from tests.gateway.terms_client import Told
from tests.gateway.terms_upstream import CLIENTS, PRICES, SERVICES, Back
from tests.support.ports import free_port
from tests.support.waiting import until


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
