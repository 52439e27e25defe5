"""Webhooks: where events go, whether they arrive, and each delivery's attempts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from mercato.api import webhooks as api
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn
from mercato.identity import Permission
from mercato.platform import NotFound, Refusal
from mercato_contracts.webhooks import (
    NewWebhookAnswer,
    RotateWebhookRequest,
    WebhookChange,
    WebhookDeliveryPage,
    WebhookList,
    WebhookRequest,
    WebhookView,
)

router = page_router()


@dataclass(frozen=True, slots=True)
class WebhooksPage:
    """The list, and the form of a new one."""

    found: WebhookList
    may_write: bool
    url: str = ""
    description: str = ""
    chosen: Sequence[str] = ()
    new: NewWebhookAnswer | None = None


@dataclass(frozen=True, slots=True)
class WebhookPage:
    """One webhook and its deliveries."""

    webhook: WebhookView
    deliveries: WebhookDeliveryPage
    first: str
    next: str


@router.get("/webhooks")
async def show_webhooks(visit: SignedIn, found: Annotated[WebhookList, Depends(api.list_webhooks)]) -> Response:
    """Every endpoint of the organisation."""
    return visit.show("webhooks.html", WebhooksPage(found, visit.caller.may(Permission.WEBHOOKS_WRITE)))


@router.post("/webhooks")
async def add_webhook(request: Request, visit: SignedIn, desk: api.Desk) -> Response:
    """The secret is on the page that follows, this once."""
    form = await Form.of(request)
    try:
        body = as_request(
            WebhookRequest,
            url=form.find("url"),
            event_types=form.every("event_types"),
            description=form.get("description"),
        )
        new = await api.add_webhook(body, visit.caller, desk)
    except Refusal as refusal:
        found = await api.list_webhooks(visit.caller, desk)
        page = WebhooksPage(
            found, True, form.get("url")[:2000], form.get("description")[:200], form.every("event_types")
        )
        return visit.show("webhooks.html", page, refusal=refusal)
    visit.made(new.id)
    return visit.show("webhooks.html", WebhooksPage(await api.list_webhooks(visit.caller, desk), True, new=new))


@router.get("/webhooks/{webhook_id}")
async def show_webhook(
    webhook_id: str,
    visit: SignedIn,
    found: Annotated[WebhookList, Depends(api.list_webhooks)],
    deliveries: Annotated[WebhookDeliveryPage, Depends(api.list_deliveries)],
) -> Response:
    """Deliveries with every attempt, the newest first."""
    webhook = next((each for each in found.items if each.id == webhook_id), None)
    if webhook is None:
        raise NotFound(f"Your organisation has no webhook {webhook_id[:64]}.")
    page = WebhookPage(webhook, deliveries, visit.here.first(), visit.here.on("before", deliveries.next))
    return visit.show("webhook.html", page)


@router.post("/webhooks/{webhook_id}/enabled")
async def change_webhook(webhook_id: str, request: Request, visit: SignedIn, desk: api.Desk) -> Response:
    """On or off."""
    form = await Form.of(request)
    await api.change_webhook(webhook_id, WebhookChange(enabled=form.get("enabled") == "on"), visit.caller, desk)
    return visit.go(f"/webhooks/{webhook_id}")


@router.post("/webhooks/{webhook_id}/rotate")
async def rotate_webhook(webhook_id: str, visit: SignedIn, desk: api.Desk) -> Response:
    """The old secret signs beside the new one for a day."""
    new = await api.rotate_webhook(webhook_id, RotateWebhookRequest(), visit.caller, desk)
    return visit.show("webhooks.html", WebhooksPage(await api.list_webhooks(visit.caller, desk), True, new=new))


@router.post("/webhooks/{webhook_id}/test")
async def test_webhook(webhook_id: str, visit: SignedIn, desk: api.Desk) -> Response:
    """Sends an event that says it is a test."""
    await api.test_webhook(webhook_id, visit.caller, desk)
    return visit.go(f"/webhooks/{webhook_id}")


@router.post("/webhooks/{webhook_id}/remove")
async def remove_webhook(webhook_id: str, visit: SignedIn, desk: api.Desk) -> Response:
    """With its secrets and its log."""
    await api.remove_webhook(webhook_id, visit.caller, desk)
    return visit.go("/webhooks")


@router.post("/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver")
async def redeliver_message(webhook_id: str, delivery_id: str, visit: SignedIn, desk: api.Desk) -> Response:
    """The same message again."""
    await api.redeliver_message(webhook_id, delivery_id, visit.caller, desk)
    return visit.go(f"/webhooks/{webhook_id}")
