"""Subscribe, cancel, change the plan, list."""

from dataclasses import dataclass

from mercato.identity import Caller, Permission
from mercato.platform import Clock, Ids, Outbox, Session
from mercato.publishing import Catalogue, Plan, PlanNotFound, Service
from mercato.subscriptions.models import Subscription
from mercato.subscriptions.news import SubscriptionChanged
from mercato.subscriptions.refusals import (
    OtherPlanActive,
    PlanNotOffered,
    PlanOfOtherService,
    SubscriptionEnded,
    SubscriptionNotFound,
)
from mercato.subscriptions.repository import SubscriptionRepository
from mercato_contracts import ids as id_prefix


@dataclass(frozen=True, slots=True)
class WantedPlan:
    """Another plan for an active subscription. `earlier` is the organisation's former subscription to that plan, which
    is taken up again with what it used this month."""

    subscription: Subscription
    service: Service
    present: Plan
    wanted: Plan
    earlier: Subscription | None


class Subscriptions:
    """The subscriptions of the caller's organisation."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, catalogue: Catalogue) -> None:
        self._session = session
        self._rows = SubscriptionRepository(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._catalogue = catalogue

    async def subscribe(self, caller: Caller, plan_id: str) -> Subscription:
        """The active subscription to this plan; asking again changes nothing.

        Raises `PlanNotFound`, `PlanNotOffered`, `OtherPlanActive`.
        """
        caller.require(Permission.SUBSCRIPTIONS_WRITE)
        plan = await self._catalogue.get_plan(plan_id)
        service = await self._catalogue.get_service(plan.service_id)
        if not await self._catalogue.sees(service, caller.organisation_slug):
            raise PlanNotFound(f"There is no plan {plan_id}.", plan=plan_id)
        rows = await self._rows.lock_of_service(caller.organisation_id, service.id)
        active = next((row for row in rows if row.status == "active"), None)
        if active is not None and active.plan_id == plan.id:
            return active
        if plan.retired_at is not None or service.status != "listed":
            raise PlanNotOffered(f"The plan {plan.name} takes no new subscriptions.", plan=plan.id)
        if active is not None:
            raise OtherPlanActive(
                "Your organisation has another plan of this service.", subscription=active.id, plan=active.plan_id
            )
        return await self._take_up(caller, plan, service, rows)

    async def find_change(self, caller: Caller, subscription_id: str, plan_id: str) -> WantedPlan:
        """What a change would be, without doing it.

        Raises `SubscriptionNotFound`, `SubscriptionEnded`, `PlanNotFound`, `PlanOfOtherService`, `PlanNotOffered`.
        """
        caller.require(Permission.SUBSCRIPTIONS_READ)
        found = await self._rows.find(subscription_id)
        if found is None or found.consumer_id != caller.organisation_id:
            raise self._not_found(subscription_id)
        rows = await self._rows.of_service(found.consumer_id, found.service_id)
        return await self._check_change(caller.organisation_slug, found, rows, plan_id)

    async def change_plan(self, caller: Caller, subscription_id: str, plan_id: str) -> Subscription:
        """The subscription under the other plan, which calls are paid by from now on; the present one ends at the same
        moment. Asking again for the plan in force changes nothing. Raises what `find_change` does.
        """
        caller.require(Permission.SUBSCRIPTIONS_WRITE)
        found = await self._rows.find(subscription_id)
        if found is None or found.consumer_id != caller.organisation_id:
            raise self._not_found(subscription_id)
        rows = await self._rows.lock_of_service(found.consumer_id, found.service_id)
        active = next((row for row in rows if row.status == "active"), None)
        if active is not None and active.plan_id == plan_id:
            return active
        change = await self._check_change(
            caller.organisation_slug, next(row for row in rows if row.id == found.id), rows, plan_id
        )
        self._end(change.subscription)
        # One plan is active at a time, and the database holds that at every statement.
        await self._rows.flush()
        await self._tell(caller, change.subscription)
        return await self._take_up(caller, change.wanted, change.service, rows)

    async def _check_change(self, slug: str, found: Subscription, rows: list[Subscription], plan_id: str) -> WantedPlan:
        if found.status != "active":
            raise SubscriptionEnded("This subscription is cancelled, so it has no plan to change.", id=found.id)
        wanted = await self._catalogue.get_plan(plan_id)
        service = await self._catalogue.get_service(found.service_id)
        if not await self._catalogue.sees(service, slug):
            raise PlanNotFound(f"There is no plan {plan_id}.", plan=plan_id)
        if wanted.service_id != service.id:
            raise PlanOfOtherService(f"The plan {wanted.name} belongs to another service.", plan=wanted.id)
        is_open = wanted.retired_at is None and service.status == "listed"
        if wanted.id != found.plan_id and not is_open:
            raise PlanNotOffered(f"The plan {wanted.name} takes no new subscriptions.", plan=wanted.id)
        earlier = next((row for row in rows if row.plan_id == wanted.id), None)
        return WantedPlan(found, service, await self._catalogue.get_plan(found.plan_id), wanted, earlier)

    async def _take_up(self, caller: Caller, plan: Plan, service: Service, rows: list[Subscription]) -> Subscription:
        earlier = next((row for row in rows if row.plan_id == plan.id), None)
        subscription = self._revive(earlier) if earlier else self._make(caller, plan, service)
        await self._rows.flush()
        await self._tell(caller, subscription)
        return subscription

    async def cancel(self, caller: Caller, subscription_id: str) -> Subscription:
        """Cancel it: calls end now, past usage is still owed.

        Cancelling twice changes nothing. Raises `SubscriptionNotFound`.
        """
        caller.require(Permission.SUBSCRIPTIONS_WRITE)
        subscription = await self._rows.find(subscription_id, lock=True)
        if subscription is None or subscription.consumer_id != caller.organisation_id:
            raise self._not_found(subscription_id)
        if subscription.status == "active":
            self._end(subscription)
            await self._tell(caller, subscription)
        return subscription

    async def get(self, caller: Caller, subscription_id: str) -> Subscription:
        """Raises `SubscriptionNotFound`; the consumer, the vendor and operators may read it."""
        caller.require(Permission.SUBSCRIPTIONS_READ)
        found = await self._rows.find(subscription_id)
        is_mine = found is not None and caller.organisation_id in (found.consumer_id, found.vendor_id)
        if found is None or not (is_mine or caller.may(Permission.MARKETPLACE_READ)):
            raise self._not_found(subscription_id)
        return found

    async def list_all(self, caller: Caller, *, as_vendor: bool, after: str | None, limit: int) -> list[Subscription]:
        """What the organisation subscribed to, or as a vendor who subscribed to its services."""
        caller.require(Permission.SUBSCRIPTIONS_READ)
        return await self._rows.page(
            consumer_id=None if as_vendor else caller.organisation_id,
            vendor_id=caller.organisation_id if as_vendor else None,
            after=after,
            limit=limit,
        )

    def _end(self, subscription: Subscription) -> None:
        subscription.status = "cancelled"
        subscription.cancelled_at = self._clock.now()

    def _revive(self, subscription: Subscription) -> Subscription:
        subscription.status = "active"
        subscription.active_since = self._clock.now()
        subscription.cancelled_at = None
        return subscription

    def _make(self, caller: Caller, plan: Plan, service: Service) -> Subscription:
        now = self._clock.now()
        subscription = Subscription(
            id=self._ids.new(id_prefix.SUBSCRIPTION),
            consumer_id=caller.organisation_id,
            vendor_id=service.vendor_id,
            service_id=service.id,
            plan_id=plan.id,
            status="active",
            created_by=caller.actor,
            created_at=now,
            active_since=now,
            cancelled_at=None,
        )
        self._rows.add(subscription)
        return subscription

    async def _tell(self, caller: Caller, subscription: Subscription) -> None:
        news = SubscriptionChanged(
            by=caller.actor,
            subscription_id=subscription.id,
            organisation_id=subscription.consumer_id,
            service_id=subscription.service_id,
        )
        await self._outbox.add(self._session, news)

    def _not_found(self, subscription_id: str) -> SubscriptionNotFound:
        return SubscriptionNotFound(
            f"Your organisation has no subscription {subscription_id}.", subscription=subscription_id
        )
