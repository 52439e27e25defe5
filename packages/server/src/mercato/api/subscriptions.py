"""Subscriptions."""

from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends

from mercato.api.caller import SignedIn
from mercato.api.paging import After, PageSize
from mercato.api.route import TransactionalRoute
from mercato.api.wiring import Parts, Transaction
from mercato.publishing import Catalogue
from mercato.subscriptions import Subscription, Subscriptions
from mercato_contracts.subscriptions import SubscribeRequest, SubscriptionPage, SubscriptionView

router = APIRouter(prefix="/api", tags=["subscriptions"], route_class=TransactionalRoute)


def _desk(session: Transaction, parts: Parts) -> Subscriptions:
    return Subscriptions(session, parts.clock, parts.ids, parts.outbox, Catalogue(session))


Desk = Annotated[Subscriptions, Depends(_desk)]


def view_subscription(row: Subscription) -> SubscriptionView:
    return SubscriptionView(
        id=row.id,
        consumer_id=row.consumer_id,
        vendor_id=row.vendor_id,
        service_id=row.service_id,
        plan_id=row.plan_id,
        status=cast(Literal["active", "cancelled"], row.status),
        created_at=row.created_at,
        active_since=row.active_since,
        cancelled_at=row.cancelled_at,
    )


@router.post("/subscriptions", status_code=201, summary="Subscribe to a plan")
async def subscribe(body: SubscribeRequest, caller: SignedIn, desk: Desk) -> SubscriptionView:
    """Calls are let through within a second. Asking again returns the active subscription. Another plan of the same
    service must be cancelled first.
    """
    return view_subscription(await desk.subscribe(caller, body.plan_id))


@router.get("/subscriptions", summary="List subscriptions, as a consumer or as a vendor")
async def list_subscriptions(
    caller: SignedIn,
    desk: Desk,
    side: Literal["consumer", "vendor"] = "consumer",
    after: After = None,
    limit: PageSize = 50,
) -> SubscriptionPage:
    """As a consumer: what your organisation subscribed to. As a vendor: the subscriptions to its services."""
    rows = await desk.list_all(caller, as_vendor=side == "vendor", after=after, limit=limit)
    return SubscriptionPage(
        items=[view_subscription(row) for row in rows], next=rows[-1].id if len(rows) == limit else None
    )


@router.get("/subscriptions/{subscription_id}", summary="One subscription")
async def get_subscription(subscription_id: str, caller: SignedIn, desk: Desk) -> SubscriptionView:
    """Shown to the consumer and to the vendor."""
    return view_subscription(await desk.get(caller, subscription_id))


@router.delete("/subscriptions/{subscription_id}", summary="Cancel a subscription")
async def cancel_subscription(subscription_id: str, caller: SignedIn, desk: Desk) -> SubscriptionView:
    """Calls are refused within a second; what was used is still owed. Cancelling twice changes nothing."""
    return view_subscription(await desk.cancel(caller, subscription_id))
