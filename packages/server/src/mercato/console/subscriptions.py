"""Subscriptions: what the organisation may call, under which plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from mercato.api import subscriptions as api
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, own_path
from mercato.edge.names import Called
from mercato.identity import Permission
from mercato_contracts.subscriptions import SubscribeRequest, SubscriptionPage, SubscriptionView

router = page_router()


@dataclass(frozen=True, slots=True)
class SubscriptionsPage:
    """Those in force first."""

    items: Sequence[SubscriptionView]
    first: str
    next: str
    may_write: bool


@router.get("/subscriptions")
async def show_subscriptions(
    visit: SignedIn, found: Annotated[SubscriptionPage, Depends(api.list_subscriptions)]
) -> Response:
    """As a consumer."""
    page = SubscriptionsPage(
        items=sorted(found.items, key=lambda each: each.status != "active"),
        first=visit.here.first(),
        next=visit.here.on("after", found.next),
        may_write=visit.caller.may(Permission.SUBSCRIPTIONS_WRITE),
    )
    return visit.show("subscriptions.html", page)


@router.post("/subscriptions")
async def subscribe(request: Request, visit: SignedIn, desk: api.Desk, called: Called) -> Response:
    """Subscribing again to the same plan changes nothing."""
    form = await Form.of(request)
    body = as_request(SubscribeRequest, plan_id=form.find("plan_id"))
    await api.subscribe(body, visit.caller, desk, called)
    return visit.go(own_path(form.find("next") or "/subscriptions"))


@router.post("/subscriptions/{subscription_id}/cancel")
async def cancel_subscription(subscription_id: str, visit: SignedIn, desk: api.Desk, called: Called) -> Response:
    """Calls are refused within a second."""
    await api.cancel_subscription(subscription_id, visit.caller, desk, called)
    return visit.go("/subscriptions")
