"""Scope to cap: the one place that decides what a counted scope allows, for grants and for leases."""

from collections.abc import Collection, Iterable, Sequence

from mercato.identity import Key
from mercato.metering import SetBudgets
from mercato.platform import Session
from mercato.publishing import Catalogue, Plan
from mercato.subscriptions import SubscriptionTerms
from mercato_contracts.dataplane import Limit, SnapshotRelease, SnapshotService
from mercato_contracts.manifest import PlanLimit, RateLimit


class Limits:
    """Caps by scope, read from plans and budgets, never from a gateway's request."""

    def __init__(self, session: Session) -> None:
        self._catalogue = Catalogue(session)
        self._terms = SubscriptionTerms(session, self._catalogue)
        self._budgets = SetBudgets(session)

    async def of_key(self, key: Key) -> list[Limit]:
        """The budgets of a key, which it shares with those that it was rotated from and to, and of its organisation."""
        return await self._budgets.of(key)

    async def find(self, scopes: Collection[str]) -> dict[str, Limit]:
        """The caps of these scopes; unknown ones and those of cancelled subscriptions are left out."""
        found = await self._of_subscriptions(_subjects(scopes, "subscription"))
        found += await self._of_plans(_subjects(scopes, "plan"))
        found += await self._of_deployments(_subjects(scopes, "deployment"))
        budgets = {scope for scope in scopes if scope.startswith(("key:", "consumer:", "vendor:"))}
        found += await self._budgets.find(budgets) if budgets else []
        return {limit.scope: limit for limit in found if limit.scope in scopes}

    async def of_vendors(self, vendor_ids: Collection[str]) -> dict[str, list[Limit]]:
        """What each vendor allows all calls of its services together."""
        return await self._budgets.of_vendors(vendor_ids) if vendor_ids else {}

    async def on_deployments(self, services: Sequence[SnapshotService]) -> list[SnapshotService]:
        """The same services, each deployment with its limits."""
        ids = {place.id for service in services for release in service.releases for place in release.deployments}
        limits: dict[str, list[Limit]] = {}
        for deployment_id, rates in (await self._catalogue.deployment_limits(ids)).items():
            limits[deployment_id] = _rate_limits(f"deployment:{deployment_id}", rates)
        return [_with_limits(service, limits) for service in services] if limits else list(services)

    async def _of_subscriptions(self, ids: Collection[str]) -> list[Limit]:
        terms = await self._terms.find(ids) if ids else {}
        return [
            limit
            for subscription_id, under in terms.items()
            if under.subscription.status == "active"
            for limit in plan_limits(subscription_id, under.plan)
        ]

    async def _of_plans(self, ids: Collection[str]) -> list[Limit]:
        plans = await self._catalogue.find_plans(ids) if ids else []
        return [limit for plan in plans for limit in _shared_limits(plan)]

    async def _of_deployments(self, ids: Collection[str]) -> list[Limit]:
        found = await self._catalogue.deployment_limits(ids) if ids else {}
        return [
            limit
            for deployment_id, rates in found.items()
            for limit in _rate_limits(f"deployment:{deployment_id}", rates)
        ]


def plan_limits(subscription_id: str, plan: Plan) -> list[Limit]:
    """What a plan allows a subscription of it: its own rates and quotas, those that all subscriptions of the plan
    share, and what it includes in a month."""
    own = [rate for rate in _rates(plan) if rate.across == "subscription"]
    limits = {limit.scope: limit for limit in _rate_limits(f"subscription:{subscription_id}", own)}
    limits |= {limit.scope: limit for limit in _shared_limits(plan)}
    if plan.included_unit in ("requests", "tokens") and plan.included:
        unit = RateLimit.model_validate({"unit": plan.included_unit, "per": "month", "amount": 1}).unit
        scope = included_scope(subscription_id)
        limits[scope] = Limit(scope=scope, unit=unit, window="month", cap=plan.included)
    return list(limits.values())


def included_scope(subscription_id: str) -> str:
    """The scope of what a subscription's plan covers in a month."""
    return f"subscription:{subscription_id}:included:month"


def _rates(plan: Plan) -> list[PlanLimit]:
    return [PlanLimit.model_validate(limit) for limit in plan.limits]


def _shared_limits(plan: Plan) -> list[Limit]:
    return _rate_limits(f"plan:{plan.id}", [rate for rate in _rates(plan) if rate.across == "plan"])


def _rate_limits(subject: str, rates: Iterable[RateLimit]) -> list[Limit]:
    """Where a unit and window is named twice, the lower cap counts."""
    limits: dict[str, Limit] = {}
    for rate in rates:
        limit = _rate_limit(subject, rate)
        if limit.scope not in limits or limit.cap < limits[limit.scope].cap:
            limits[limit.scope] = limit
    return list(limits.values())


def _rate_limit(subject: str, rate: RateLimit) -> Limit:
    is_bucket = rate.per in ("second", "minute")
    return Limit(
        scope=f"{subject}:{rate.unit}:{rate.per}",
        unit=rate.unit,
        window=rate.per,
        cap=rate.amount,
        burst=(rate.burst or rate.amount) if is_bucket else 0,
    )


def _subjects(scopes: Collection[str], kind: str) -> set[str]:
    parts = (scope.split(":", 2) for scope in scopes)
    return {part[1] for part in parts if len(part) == 3 and part[0] == kind}


def _with_limits(service: SnapshotService, limits: dict[str, list[Limit]]) -> SnapshotService:
    def on(release: SnapshotRelease) -> SnapshotRelease:
        places = [place.model_copy(update={"limits": limits.get(place.id, [])}) for place in release.deployments]
        return release.model_copy(update={"deployments": places})

    return service.model_copy(update={"releases": [on(release) for release in service.releases]})
