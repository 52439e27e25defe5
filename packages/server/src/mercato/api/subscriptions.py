"""Subscriptions."""

from collections.abc import Sequence
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends, Query

from mercato.billing import Ledger, PlanChanges, PlanCost
from mercato.edge.caller import SignedIn
from mercato.edge.names import Called, Names
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.publishing import Catalogue
from mercato.subscriptions import Subscription, Subscriptions
from mercato_contracts.subscriptions import (
    ChangePlanRequest,
    PlanChangePreview,
    PlanCostView,
    SubscribeRequest,
    SubscriptionPage,
    SubscriptionView,
)

router = APIRouter(prefix="/api", tags=["subscriptions"], route_class=TransactionalRoute)


def _desk(session: Transaction, parts: Parts) -> Subscriptions:
    return Subscriptions(session, parts.clock, parts.ids, parts.outbox, Catalogue(session))


def _changes(session: Transaction, parts: Parts) -> PlanChanges:
    ledger = Ledger(session, parts.clock, parts.ids, take_rate_bp=parts.take_rate_bp)
    return PlanChanges(session, ledger, parts.clock.now())


Desk = Annotated[Subscriptions, Depends(_desk)]
Pricing = Annotated[PlanChanges, Depends(_changes)]
WantedPlanId = Annotated[str, Query(min_length=1, max_length=64, description="The id of another plan of the service")]


async def view_subscriptions(rows: Sequence[Subscription], called: Names) -> list[SubscriptionView]:
    services = await called.services({row.service_id for row in rows})
    plans = await called.plans({row.plan_id for row in rows})
    return [_view(row, services.get(row.service_id, ""), plans.get(row.plan_id, "")) for row in rows]


async def _view_one(row: Subscription, called: Names) -> SubscriptionView:
    (view,) = await view_subscriptions([row], called)
    return view


def _view(row: Subscription, service: str, plan: str) -> SubscriptionView:
    return SubscriptionView(
        id=row.id,
        consumer_id=row.consumer_id,
        vendor_id=row.vendor_id,
        service_id=row.service_id,
        service=service,
        plan_id=row.plan_id,
        plan=plan,
        status=cast(Literal["active", "cancelled"], row.status),
        created_at=row.created_at,
        active_since=row.active_since,
        cancelled_at=row.cancelled_at,
    )


@router.post("/subscriptions", status_code=201, summary="Subscribe to a plan")
async def subscribe(body: SubscribeRequest, caller: SignedIn, desk: Desk, called: Called) -> SubscriptionView:
    """Calls are let through within a second. Asking again returns the active subscription. Another plan of the same
    service must be cancelled first.
    """
    return await _view_one(await desk.subscribe(caller, body.plan_id), called)


@router.get("/subscriptions", summary="List subscriptions, as a consumer or as a vendor")
async def list_subscriptions(
    caller: SignedIn,
    desk: Desk,
    called: Called,
    side: Literal["consumer", "vendor"] = "consumer",
    after: After = None,
    limit: PageSize = 50,
) -> SubscriptionPage:
    """As a consumer: what your organisation subscribed to. As a vendor: the subscriptions to its services."""
    rows = await desk.list_all(caller, as_vendor=side == "vendor", after=after, limit=limit)
    items = await view_subscriptions(rows, called)
    return SubscriptionPage(items=items, next=Page.of(rows, limit).next)


@router.get("/subscriptions/{subscription_id}", summary="One subscription")
async def get_subscription(subscription_id: str, caller: SignedIn, desk: Desk, called: Called) -> SubscriptionView:
    """Shown to the consumer and to the vendor."""
    return await _view_one(await desk.get(caller, subscription_id), called)


@router.delete("/subscriptions/{subscription_id}", summary="Cancel a subscription")
async def cancel_subscription(subscription_id: str, caller: SignedIn, desk: Desk, called: Called) -> SubscriptionView:
    """Calls are refused within a second; what was used is still owed. Cancelling twice changes nothing."""
    return await _view_one(await desk.cancel(caller, subscription_id), called)


@router.get("/subscriptions/{subscription_id}/plan-change", summary="What a change of plan would cost")
async def preview_plan_change(
    subscription_id: str, plan_id: WantedPlanId, caller: SignedIn, desk: Desk, pricing: Pricing, called: Called
) -> PlanChangePreview:
    """At once, from the next month on, and for your own calls of the last 30 days under both plans. Nothing changes."""
    found = await pricing.price(caller, await desk.find_change(caller, subscription_id, plan_id))
    services = await called.services({found.change.service.id})
    return PlanChangePreview(
        subscription_id=found.change.subscription.id,
        service=services.get(found.change.service.id, ""),
        present=_cost(found.present),
        wanted=_cost(found.wanted),
        next_at=found.next_at,
        since=found.since,
        calls=found.workload.calls,
        tokens_in=found.workload.tokens_in,
        tokens_out=found.workload.tokens_out,
    )


@router.post("/subscriptions/{subscription_id}/plan-change", summary="Change to another plan of the same service")
async def change_plan(
    subscription_id: str, body: ChangePlanRequest, caller: SignedIn, desk: Desk, called: Called
) -> SubscriptionView:
    """The present subscription ends and one under the other plan begins at the same moment, so no call is refused for
    want of one. The same again changes nothing. `GET` on the same address says what it costs.
    """
    return await _view_one(await desk.change_plan(caller, subscription_id, body.plan_id), called)


def _cost(cost: PlanCost) -> PlanCostView:
    return PlanCostView(
        plan_id=cost.plan.id,
        plan=cost.plan.name,
        currency=cost.plan.currency,
        charged_nanos=cost.charged_nanos,
        due_nanos=cost.due_nanos,
        next_nanos=cost.next_nanos,
        usage_nanos=cost.usage.nanos,
        refused_units=cost.usage.refused_units,
        included_unit=cast(Literal["requests", "tokens"] | None, cost.plan.included_unit),
        included=cost.plan.included,
    )
