"""Subscriptions with their plans, for other rooms."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from mercato.platform import Session
from mercato.publishing import Catalogue, Plan
from mercato.subscriptions.models import Subscription
from mercato.subscriptions.repository import SubscriptionRepository


@dataclass(frozen=True, slots=True)
class Terms:
    """A subscription and the plan that it is under."""

    subscription: Subscription
    plan: Plan


class SubscriptionTerms:
    """Subscriptions with their plans, not scoped: for rooms that act for the marketplace."""

    def __init__(self, session: Session, catalogue: Catalogue) -> None:
        self._rows = SubscriptionRepository(session)
        self._catalogue = catalogue

    async def find(self, ids: Collection[str]) -> dict[str, Terms]:
        """By id, active or not; unknown ones are left out."""
        return {terms.subscription.id: terms for terms in await self._with_plans(await self._rows.find_many(ids))}

    async def active_of(self, consumer_id: str) -> list[Terms]:
        """What this organisation may call."""
        return await self._with_plans(await self._rows.active_of(consumer_id))

    async def consumers_of(self, vendor_ids: Collection[str]) -> list[str]:
        """The organisations that may call services of these vendors."""
        return await self._rows.consumers_of(vendor_ids)

    async def in_force_since(self, at: datetime, *, after: str = "", limit: int = 500) -> list[Terms]:
        """Active now or cancelled at or after `at`, in the order of ids from `after`."""
        return await self._with_plans(await self._rows.in_force_since(at, after, limit))

    async def count_of_service(self, service_id: str) -> int:
        """How many organisations subscribe to the service."""
        return await self._rows.count_of_service(service_id)

    async def _with_plans(self, subscriptions: list[Subscription]) -> list[Terms]:
        by_service = await self._catalogue.plans_of({row.service_id for row in subscriptions})
        plans = {plan.id: plan for plans in by_service.values() for plan in plans}
        return [Terms(row, plans[row.plan_id]) for row in subscriptions]
