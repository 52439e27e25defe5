"""Scope to cap: the one place that says what a counted scope allows. Grants and leases both ask here."""

from collections.abc import Collection

from mercato.metering import SetBudgets
from mercato.platform import Session
from mercato.publishing import Catalogue, Plan
from mercato.subscriptions import SubscriptionTerms
from mercato_contracts.dataplane import Limit
from mercato_contracts.manifest import RateLimit


class Limits:
    """Caps by scope, read from plans and budgets, never from what a gateway says."""

    def __init__(self, session: Session) -> None:
        self._terms = SubscriptionTerms(session, Catalogue(session))
        self._budgets = SetBudgets(session)

    async def of_key(self, key_id: str, organisation_id: str) -> list[Limit]:
        """The budgets of a key and of its organisation."""
        return await self._budgets.of(organisation_id, key_id)

    async def find(self, scopes: Collection[str]) -> dict[str, Limit]:
        """The caps behind these scopes. Unknown ones and those of cancelled subscriptions are left out."""
        subscriptions = {_subject(scope) for scope in scopes if scope.startswith("subscription:")}
        terms = await self._terms.find(subscriptions) if subscriptions else {}
        found = [
            limit
            for subscription_id, under in terms.items()
            if under.subscription.status == "active"
            for limit in plan_limits(subscription_id, under.plan)
        ]
        own = {scope for scope in scopes if scope.startswith(("key:", "consumer:"))}
        found += await self._budgets.find(own) if own else []
        return {limit.scope: limit for limit in found if limit.scope in scopes}


def plan_limits(subscription_id: str, plan: Plan) -> list[Limit]:
    """What a plan allows each subscription of it: its rates and quotas, and what it includes in a month.

    Where a plan names a unit and window twice, the lower cap counts.
    """
    limits: dict[str, Limit] = {}
    for rate in (RateLimit.model_validate(limit) for limit in plan.limits):
        limit = _rate_limit(subscription_id, rate)
        if limit.scope not in limits or limit.cap < limits[limit.scope].cap:
            limits[limit.scope] = limit
    if plan.included_unit in ("requests", "tokens") and plan.included:
        unit = RateLimit.model_validate({"unit": plan.included_unit, "per": "month", "amount": 1}).unit
        scope = included_scope(subscription_id)
        limits[scope] = Limit(scope=scope, unit=unit, window="month", cap=plan.included)
    return list(limits.values())


def included_scope(subscription_id: str) -> str:
    """The scope of what a subscription's plan covers in a month."""
    return f"subscription:{subscription_id}:included:month"


def _rate_limit(subscription_id: str, rate: RateLimit) -> Limit:
    is_bucket = rate.per in ("second", "minute")
    return Limit(
        scope=f"subscription:{subscription_id}:{rate.unit}:{rate.per}",
        unit=rate.unit,
        window=rate.per,
        cap=rate.amount,
        burst=(rate.burst or rate.amount) if is_bucket else 0,
    )


def _subject(scope: str) -> str:
    return scope.split(":", 2)[1] if scope.count(":") >= 2 else ""
