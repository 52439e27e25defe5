"""What each call may cost and who may answer it, by a gateway that remembers nothing: `oracle` for routes and money.

Written from `docs/gateway/decisions.md` alone, on nothing of the gateway's own code. Where chance decides (weights, a
canary, which of several fails first) it says what may be, and what may not.
"""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from mercato_contracts.dataplane import (
    GrantedSubscription,
    Limit,
    SnapshotDeployment,
    SnapshotPlan,
    SnapshotRelease,
    SnapshotService,
)
from tests.gateway.terms_calls import DEFAULT_OUTPUT, PATHS, Ask, Reply

NOT_OWED = {401, 403, 408, 429}


@dataclass(frozen=True)
class Used:
    """Tokens in, out and cached, and who counted them; `failed` where the call is not owed whatever its status."""

    into: int = 0
    out: int = 0
    cached: int = 0
    source: str = "provider"
    failed: bool = False


def used(ask: Ask, reply: Reply) -> Used:
    """Of a call that an upstream answered so."""
    if reply.status >= 500 or reply.status in NOT_OWED:
        return Used(source="partial" if _is_cut(ask, reply) else "provider")
    if reply.status >= 400:
        return Used()
    if reply.error:
        return Used(failed=True)
    cut = _is_cut(ask, reply)
    stated = reply.usage not in ("none", "absurd")
    streamed_openai = ask.streams and ask.path not in PATHS["anthropic"]
    if cut and stated and streamed_openai:
        stated = False  # the cut comes before the event that tells it
    into, out, cached = reply.into, reply.out, reply.cached
    if ask.path in PATHS["anthropic"] and ask.path != "/messages/count_tokens":
        into += cached
        out = max(out, 1) if ask.streams else out  # its first event says 1, and the larger stands
    if ask.repeatable:
        out = cached = 0
    if stated and not cut:
        return Used(into, out, min(cached, into))
    guess = 0 if ask.repeatable else -(-_text(ask, reply) // 4)
    if stated:  # cut behind the first event of Anthropic's
        return Used(into or ask.estimate()[0], max(guess, 1), min(cached, into), "partial")
    return Used(ask.estimate()[0], guess, 0, "partial" if cut else "estimated")


def _is_cut(ask: Ask, reply: Reply) -> bool:
    return reply.cut and ask.streams and reply.status < 400


def _text(ask: Ask, reply: Reply) -> int:
    """Bytes of text; of a packed stream at most the bytes that came."""
    if ask.streams and reply.packed:
        return min(reply.size, len(_packed(ask, reply)))
    return reply.size


def _packed(ask: Ask, reply: Reply) -> bytes:
    """A stream as it comes compressed."""
    return gzip.compress(b"".join(event for event, _ in reply.events(ask)), mtime=0)


@dataclass(frozen=True)
class Believed:
    """The tokens that count; where the service's own cannot be true, why, and what they were."""

    tokens: Used
    doubt: str | None = None
    claimed: Used | None = None


def believed(ask: Ask, reply: Reply, bound: int | None) -> Believed:
    """What counts of a call whose bound of output went upstream as `bound`; `None` where it went without one."""
    tokens = used(ask, reply)
    if tokens.failed or reply.status >= 400:
        return Believed(tokens)
    room, reason = _output_room(ask, reply, bound)
    in_room = max(1024, 1024 + 4 * ask.estimate()[0] + len(ask.text()) // 16)
    if tokens.out <= room and tokens.into <= in_room:
        return Believed(tokens)
    into, guess = ask.estimate()[0], 0 if ask.repeatable else -(-_text(ask, reply) // 4)
    source = "partial" if tokens.source == "partial" else "estimated"
    own = Used(into, min(guess, room), 0, source)
    if tokens.into <= into and tokens.out <= guess:
        return Believed(own)
    return Believed(own, reason if tokens.out > room else "input_beyond_request", tokens)


def _output_room(ask: Ask, reply: Reply, bound: int | None) -> tuple[int, str]:
    times = ask.times or 1
    if ask.repeatable:
        return 16, "output_beyond_answer"
    if bound is not None:
        return (bound + 16) * times, "output_beyond_bound"
    if ask.streams:
        parts = b"".join(event for event, usage in reply.events(ask) if not (usage and ask.asks_usage))
        sent = 20 * len(_packed(ask, reply)) if reply.packed else len(parts)
    else:
        body = reply.body(ask)
        sent = 20 * len(gzip.compress(body, mtime=0)) if reply.packed else len(body)
    return max(sent, 1024 * times), "output_beyond_answer"


def price(plan: SnapshotPlan, tokens: Used, included: int) -> int:
    """Nano-units, where `included` units are covered by the plan."""
    if plan.included_unit == "requests" and included:
        return 0
    into, out = tokens.into, tokens.out
    if plan.included_unit == "tokens":
        covered = min(included, into + out)
        out -= covered - min(covered, into)
        into -= min(covered, into)
    # A thousandth that is begun is owed.
    sums = into * plan.per_1k_input_nanos, out * plan.per_1k_output_nanos
    return plan.per_call_nanos + sum(one // 1000 + (one % 1000 > 0) for one in sums)


@dataclass
class World:
    """What the control plane publishes. `subscriptions` are those of each client by service; `ways` are what becomes
    of a request at a deployment: `well`, `dead` (nobody listens) or `breaks` (reads it, and closes).
    """

    services: dict[str, SnapshotService] = field(default_factory=dict)
    subscriptions: dict[str, list[GrantedSubscription]] = field(default_factory=dict)
    key_limits: dict[str, list[Limit]] = field(default_factory=dict)
    ways: dict[str, str] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=dict)

    def subscription(self, client: str, service: SnapshotService, named: str = "") -> GrantedSubscription | None:
        """The named one, else the oldest."""
        mine = [each for each in self.subscriptions[client] if each.service_id == service.id]
        return min((each for each in mine if named in ("", each.id)), key=lambda each: each.id, default=None)

    def left(self, limit: Limit) -> int:
        return limit.cap - self.used.get(limit.scope, 0)


@dataclass(frozen=True)
class Stage:
    """A service that may serve the call: the one that was asked for, or a fallback."""

    service: SnapshotService
    subscription: GrantedSubscription
    plan: SnapshotPlan
    releases: tuple[SnapshotRelease, ...]
    limits: tuple[Limit, ...]

    def able(self) -> list[tuple[SnapshotRelease, SnapshotDeployment]]:
        """All that may get the call."""
        return [(release, each) for release in self.releases for each in release.deployments if each.weight]


def stages(world: World, client: str, ask: Ask) -> tuple[int, str] | list[Stage]:
    """In the order in which they are tried; or the status and code of a refusal that nothing can avert."""
    first = _stage(world, client, ask.service, ask.version, ask.subscription)
    if isinstance(first, tuple):
        return first
    if first.service.protocol != ("anthropic" if ask.path in PATHS["anthropic"] else "openai"):
        return 404, "operation_not_found"
    found = [first]
    for name in first.plan.fallbacks:
        other = _stage(world, client, name, "", "")
        if (
            isinstance(other, Stage)
            and other.service.protocol == first.service.protocol
            and other.service != first.service
        ):
            found.append(other)
    return found


def _stage(world: World, client: str, name: str, version: str, named: str) -> Stage | tuple[int, str]:
    service = world.services.get(name)
    if service is None:
        return 404, "service_not_found"
    subscription = world.subscription(client, service, named)
    if subscription is None:
        return 403, "not_subscribed"
    releases = _releases(service, version.removeprefix("@"))
    if not releases:
        return 404, "version_not_found"
    plan = next((plan for plan in service.plans if plan.id == subscription.plan_id), None)
    if plan is None:
        return 503, "price_unknown"
    return Stage(service, subscription, plan, releases, (*world.key_limits[client], *subscription.limits))


def _releases(service: SnapshotService, wanted: str) -> tuple[SnapshotRelease, ...]:
    """One; or it and the canary, where that takes a share."""
    wanted = service.aliases.get(wanted, wanted)
    fits = [each for each in service.releases if each.status != "yanked" and each.deployments and _fits(each, wanted)]
    canary = next(
        (each for each in service.releases if service.canary and each.version == service.canary.version), None
    )
    if canary is not None and (canary.status != "live" or not canary.deployments):
        canary = None
    rest = [each for each in fits if each is not canary]
    for status in ("live", "deprecated"):
        best = max((each for each in rest if each.status == status), key=_numbers, default=None)
        if best is not None:
            shares = canary is not None and canary in fits and any(each.weight for each in canary.deployments)
            return (best, canary) if canary is not None and shares and wanted != best.version else (best,)
    return (canary,) if canary in fits and canary is not None else ()


def _numbers(release: SnapshotRelease) -> list[int]:
    return [int(part) for part in release.version.split(".")]


def _fits(release: SnapshotRelease, wanted: str) -> bool:
    if wanted in ("", "latest", "canary"):
        return True
    numbers = _numbers(release)
    have = [int(part) for part in wanted.lstrip("^~").split(".")]
    if wanted[0] in "^~":
        return numbers >= have and numbers[: 1 if wanted[0] == "^" else 2] == have[: 1 if wanted[0] == "^" else 2]
    return numbers == have


def _included(stage: Stage) -> Limit | None:
    return next((limit for limit in stage.limits if ":included:" in limit.scope), None)


def held(stage: Stage, ask: Ask, world: World) -> tuple[int, dict[str, int]]:
    """Included units that cover the call at first, and what it must find free of each other scope."""
    into, out = ask.estimate()
    tokens, plan, included = max(1, into + out), stage.plan, _included(stage)
    covered = 0
    needs: dict[str, int] = {}
    if included is not None and plan.included_unit is not None:
        need = 1 if plan.included_unit == "requests" else tokens
        covered = need if not plan.overage else min(need, max(0, world.left(included)))
        if not plan.overage:
            needs[included.scope] = need
    money = price(plan, Used(into, out), covered)
    for limit in stage.limits:
        if ":included:" not in limit.scope:
            needs[limit.scope] = {"requests": 1, "concurrent": 1, "tokens": tokens, "nanos": money}[limit.unit]
    return covered, needs


def lacking(stage: Stage, ask: Ask, world: World) -> list[Limit]:
    """The limits that have too little for the call."""
    _, needs = held(stage, ask, world)
    return [limit for limit in stage.limits if (need := needs.get(limit.scope, 0)) and need > world.left(limit)]


def bound_of(stage: Stage, ask: Ask, world: World) -> int | None:
    """The bound of output with which the call can be paid for: its own, or the largest below; `None` for no such."""
    lacks = lacking(stage, ask, world)
    whole = DEFAULT_OUTPUT if ask.most is None else ask.most
    if not lacks:
        return whole
    if ask.repeatable or any(limit.unit in ("requests", "concurrent") for limit in lacks):
        return None
    return next((each for each in range(whole, 0, -1) if not lacking(stage, replace(ask, most=each), world)), None)


def lefts(stage: Stage, world: World) -> dict[str, int]:
    """What the limits of a call have left."""
    return {limit.scope: max(0, world.left(limit)) for limit in stage.limits}


def paid(stage: Stage, tokens: Used, included: int, left: dict[str, int]) -> Used:
    """The part of the tokens, input first, that the limits have room for."""
    counted = [
        left[limit.scope] for limit in stage.limits if limit.unit == "tokens" and ":included:" not in limit.scope
    ]
    budgets = [left[limit.scope] for limit in stage.limits if limit.unit == "nanos"]
    covers = _included(stage)
    if covers is not None and stage.plan.included_unit == "tokens" and not stage.plan.overage:
        counted.append(left[covers.scope])
    into, out = tokens.into, tokens.out
    while into + out and (
        any(into + out > room for room in counted)
        or any(price(stage.plan, Used(into, out), included) > room for room in budgets)
    ):
        into, out = (into, out - 1) if out else (into - 1, 0)
    return Used(into, out, min(tokens.cached, into), tokens.source, tokens.failed)


def code_of(limit: Limit) -> str:
    """Of the refusal."""
    if ":included:" in limit.scope:
        return "quota_exhausted"
    return {"nanos": "budget_exceeded", "concurrent": "too_many_concurrent"}.get(limit.unit, "quota_exceeded")


def spends(stage: Stage, tokens: Used, included: int, nanos: int) -> Iterator[tuple[str, int]]:
    """What the call uses of each scope."""
    for limit in stage.limits:
        if ":included:" in limit.scope:
            units = included
        else:
            units = {"requests": 1, "concurrent": 0, "tokens": tokens.into + tokens.out, "nanos": nanos}[limit.unit]
        if units:
            yield limit.scope, units
