"""A lane: all that calls under the same terms to one service share, compiled once."""

from random import randrange
from typing import Any

from mercato_gateway.authenticate import Terms
from mercato_gateway.catalog import Catalog, Release, Service
from mercato_gateway.leases import Leases
from mercato_gateway.refusals import Refused
from mercato_gateway.slices import WINDOW_SECONDS, Slice
from mercato_gateway.targets import split_model
from mercato_gateway.wire import GrantedSubscription

_LANES_KEPT = 4096


class Lane:
    """Prices and limits of the calls of some keys to one service under one subscription."""

    __slots__ = (
        "by_request", "canary", "canary_percent", "canary_turn", "common", "commons", "consumer_id", "in_nanos",
        "in_tokens", "included", "needs_tokens", "per_tokens", "plan", "policy", "prices", "release", "service",
        "slices", "subscription", "version",
    )  # fmt: skip

    def __init__(
        self,
        terms: Terms,
        service: Service,
        release: Release,
        subscription: GrantedSubscription,
        leases: Leases,
        version: int,
    ) -> None:
        plan = service.plans.get(subscription.plan_id)
        if plan is None:
            raise Refused("price_unknown", f"The terms of your plan for {service.name} are not known here.")
        self.consumer_id = terms.consumer_id
        self.service, self.release, self.subscription, self.plan = service, release, subscription, plan
        self.version = version
        limits = {limit.scope: limit for limit in (*terms.limits, *subscription.limits)}
        slices = [leases.slice_of(limit) for limit in limits.values()]
        included = [slice_ for slice_ in slices if slice_.included]
        self.included = included[0] if included and plan.included_unit else None
        rest = [slice_ for slice_ in slices if not slice_.included]
        self.slices = rest + ([self.included] if self.included else [])
        self.by_request = [slice_ for slice_ in rest if slice_.unit in ("requests", "concurrent")]
        self.in_tokens = [slice_ for slice_ in rest if slice_.unit == "tokens"]
        self.in_nanos = [slice_ for slice_ in rest if slice_.unit == "nanos"]
        self.per_tokens = bool(plan.per_1k_input_nanos or plan.per_1k_output_nanos)
        in_tokens = self.included is not None and plan.included_unit == "tokens"
        on_deployments = any(
            limit.unit == "tokens" for deployment in release.deployments for limit in deployment.wire.limits
        )
        self.needs_tokens = bool(self.in_tokens or in_tokens or on_deployments or (self.in_nanos and self.per_tokens))
        self.prices = service.prices[plan.id]
        self.policy = policy_of(self.slices)
        # What the usage events of its calls share, encoded at the first of them (see `settle`).
        self.common: Any = None
        self.commons: dict[tuple[str, str], Any] = {}
        self.canary: Lane | None = None
        self.canary_percent = 0
        self.canary_turn = 0

    def share_with(self, canary: "Lane", percent: int) -> None:
        """Lets `canary` take `percent` of the calls, evenly spread from a random start."""
        self.canary, self.canary_percent, self.canary_turn = canary, percent, randrange(100)  # noqa: S311

    def next(self) -> "Lane":
        """The lane of the next call: this one or its canary."""
        canary = self.canary
        if canary is None:
            return self
        self.canary_turn += self.canary_percent
        if self.canary_turn < 100:
            return self
        self.canary_turn -= 100
        return canary


def policy_of(slices: list[Slice]) -> bytes:
    """The `RateLimit-Policy` field (draft-ietf-httpapi-ratelimit-headers); empty without limits."""
    items = []
    for slice_ in slices:
        seconds = WINDOW_SECONDS[slice_.window]
        unit = "" if slice_.unit == "requests" else f';qu="{slice_.unit}"'
        items.append(f'"{slice_.name}";q={slice_.cap}' + (f";w={seconds}" if seconds else "") + unit)
    return f"ratelimit-policy: {', '.join(items)}\r\n".encode() if items else b""


def choose_subscription(terms: Terms, service: Service, named: str) -> GrantedSubscription:
    """The subscription that pays: the named one, or else the oldest. Raises `Refused`."""
    subscriptions = terms.by_service.get(service.wire.id, ())
    for subscription in subscriptions:
        if not named or subscription.id == named:
            return subscription
    if terms.held is not None and service.wire.id not in terms.held:
        raise Refused("key_not_for_service", f"This key is held to other services than {service.name}.")
    facts = {"service": service.name, "plans": [plan.name for plan in service.wire.plans]}
    which = f"the subscription {named[:64]} to" if named else "a subscription to"
    raise Refused("not_subscribed", f"Your organisation does not have {which} {service.name}.", facts=facts)


def find_lane(terms: Terms, model: str, named: bytes, catalog: Catalog, leases: Leases) -> Lane:
    """The lane of `vendor/name` or `vendor/name@range`, compiled at its first call. `named` is the subscription that
    the call names, or empty. Raises `Refused`.
    """
    key = (model, named)
    lane: Lane | None = terms.lanes.get(key)
    if lane is not None and lane.version == catalog.version:
        return lane if lane.canary is None else lane.next()
    name, wanted = split_model(model)
    service = catalog.find(name)
    if service is None or not service.wire.is_open_to(terms.consumer_id):
        raise Refused("service_not_found", f"There is no service `{name[:130]}`.")
    subscription = choose_subscription(terms, service, named.decode("latin-1"))
    release, canary = service.release_for(wanted), service.canary_for(wanted)
    if canary is not None and service.wire.canary is not None:
        lane = Lane(terms, service, release, subscription, leases, catalog.version)
        other = Lane(terms, service, canary, subscription, leases, catalog.version)
        lane.share_with(other, service.wire.canary.percent)
    else:
        lane = _compiled(terms, service, release, subscription, catalog, leases)
    if len(terms.lanes) >= _LANES_KEPT:
        terms.lanes.clear()
    terms.lanes[key] = lane
    return lane.next()


def _compiled(
    terms: Terms,
    service: Service,
    release: Release,
    subscription: GrantedSubscription,
    catalog: Catalog,
    leases: Leases,
) -> Lane:
    """Compiles a lane. One that is known by another name, or from before a change elsewhere in the catalog, is used
    again.
    """
    found: Lane | None = terms.compiled.get((release.id, subscription.id))
    if found is not None and found.service is service and found.release is release:
        found.version = catalog.version
        return found
    if len(terms.compiled) >= _LANES_KEPT:
        terms.compiled.clear()
    lane = Lane(terms, service, release, subscription, leases, catalog.version)
    terms.compiled[(release.id, subscription.id)] = lane
    return lane
