"""Subscriptions."""

from collections.abc import Sequence
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends

from mercato.edge.caller import SignedIn
from mercato.edge.names import Called, Names
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.publishing import Catalogue
from mercato.subscriptions import Subscription, Subscriptions
from mercato_contracts.subscriptions import SubscribeRequest, SubscriptionPage, SubscriptionView

router = APIRouter(prefix="/api", tags=["subscriptions"], route_class=TransactionalRoute)


def _desk(session: Transaction, parts: Parts) -> Subscriptions:
    return Subscriptions(session, parts.clock, parts.ids, parts.outbox, Catalogue(session))


Desk = Annotated[Subscriptions, Depends(_desk)]


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
