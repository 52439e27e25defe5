"""Subscriptions: what the organisation may call, under which plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from mercato.api import subscriptions as api
from mercato.api.publishing_views import view_plan
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, own_path
from mercato.edge.names import Called
from mercato.edge.wiring import Transaction
from mercato.identity import Permission
from mercato.platform import Conflict, NotFound
from mercato.publishing import Catalogue
from mercato.subscriptions import OtherPlanActive
from mercato_contracts.publishing import PlanView
from mercato_contracts.subscriptions import (
    ChangePlanRequest,
    PlanChangePreview,
    SubscribeRequest,
    SubscriptionPage,
    SubscriptionView,
)

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
    """Subscribing again to the same plan changes nothing; with another plan of the service it is a change of plan."""
    form = await Form.of(request)
    body = as_request(SubscribeRequest, plan_id=form.find("plan_id"))
    try:
        await api.subscribe(body, visit.caller, desk, called)
    except OtherPlanActive as other:
        # What the change costs is read before it is made.
        return visit.go(f"/subscriptions/{other.facts['subscription']}/plan", plan_id=body.plan_id)
    return visit.go(own_path(form.find("next") or "/subscriptions"))


@router.post("/subscriptions/{subscription_id}/cancel")
async def cancel_subscription(subscription_id: str, visit: SignedIn, desk: api.Desk, called: Called) -> Response:
    """Calls are refused within a second."""
    await api.cancel_subscription(subscription_id, visit.caller, desk, called)
    return visit.go("/subscriptions")


@dataclass(frozen=True, slots=True)
class PlanChangePage:
    """The open plans, and what the picked one would cost; `preview` is `None` until one is picked."""

    held: SubscriptionView
    plans: Sequence[PlanView]
    picked: str
    preview: PlanChangePreview | None
    may_write: bool


@router.get("/subscriptions/{subscription_id}/plan")
async def show_plan_change(
    subscription_id: str,
    visit: SignedIn,
    session: Transaction,
    desk: api.Desk,
    pricing: api.Pricing,
    called: Called,
    plan_id: str = "",
) -> Response:
    """What another plan costs now and next month, before it is taken."""
    held = await api.get_subscription(subscription_id, visit.caller, desk, called)
    if held.consumer_id != visit.caller.organisation_id:
        raise NotFound(f"Your organisation has no subscription {subscription_id[:60]}.")
    plans = [view_plan(plan) for plan in await Catalogue(session).open_plans(held.service_id)]
    preview, refusal = None, None
    if plan_id:
        try:
            preview = await api.preview_plan_change(subscription_id, plan_id, visit.caller, desk, pricing, called)
        except Conflict as conflict:
            refusal = conflict
    may_write = visit.caller.may(Permission.SUBSCRIPTIONS_WRITE)
    page = PlanChangePage(held, plans, plan_id, preview, may_write)
    return visit.show("plan_change.html", page, refusal=refusal)


@router.post("/subscriptions/{subscription_id}/plan")
async def change_plan(
    subscription_id: str, request: Request, visit: SignedIn, desk: api.Desk, called: Called
) -> Response:
    """Done once, however often it is sent."""
    body = as_request(ChangePlanRequest, plan_id=(await Form.of(request)).find("plan_id"))
    await api.change_plan(subscription_id, body, visit.caller, desk, called)
    return visit.go("/subscriptions")
