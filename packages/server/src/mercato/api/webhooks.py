"""Webhooks: endpoints, secrets, the log of deliveries."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends

from mercato.edge.caller import SignedIn
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.webhooks import EVENT_TYPES, Delivered, NewSecret, WebhookEndpoint, Webhooks
from mercato_contracts.webhooks import (
    NewWebhookAnswer,
    RotateWebhookRequest,
    WebhookAttemptView,
    WebhookChange,
    WebhookDeliveryPage,
    WebhookDeliveryView,
    WebhookList,
    WebhookRequest,
    WebhookView,
)

router = APIRouter(prefix="/api/webhooks", tags=["webhooks"], route_class=TransactionalRoute)


def _desk(session: Transaction, parts: Parts) -> Webhooks:
    return Webhooks(session, parts.clock, parts.ids, parts.webhook_seal, parts.webhook_addresses)


Desk = Annotated[Webhooks, Depends(_desk)]


@router.post("", status_code=201, summary="Add a webhook; its secret is shown once")
async def add_webhook(body: WebhookRequest, caller: SignedIn, desk: Desk) -> NewWebhookAnswer:
    """Messages are signed as Standard Webhooks 1.0.0. Keep the secret: it is not shown again. Every request adds
    another webhook.
    """
    made = await desk.add(caller, url=body.url, event_types=body.event_types, description=body.description)
    return view_secret(made)


@router.get("", summary="The webhooks of your organisation")
async def list_webhooks(caller: SignedIn, desk: Desk) -> WebhookList:
    """Without their secrets, and with every type of event that there is."""
    return WebhookList(items=[view_webhook(row) for row in await desk.list_all(caller)], event_types=list(EVENT_TYPES))


@router.patch("/{webhook_id}", summary="Change a webhook, or switch it on and off")
async def change_webhook(webhook_id: str, body: WebhookChange, caller: SignedIn, desk: Desk) -> WebhookView:
    """What is left out stays. `enabled: true` also resumes one that was switched off after failing. The same again
    changes nothing.
    """
    changed = await desk.change(caller, webhook_id, url=body.url, event_types=body.event_types, enabled=body.enabled)
    return view_webhook(changed)


@router.delete("/{webhook_id}", status_code=204, summary="Remove a webhook with its secrets and its log")
async def remove_webhook(webhook_id: str, caller: SignedIn, desk: Desk) -> None:
    """What waits to be sent is dropped. A repeat is refused as not found."""
    await desk.remove(caller, webhook_id)


@router.post("/{webhook_id}/rotate", summary="Rotate a webhook's secret")
async def rotate_webhook(webhook_id: str, body: RotateWebhookRequest, caller: SignedIn, desk: Desk) -> NewWebhookAnswer:
    """Messages carry a signature of each secret in force until the grace is over. Each request makes another secret."""
    return view_secret(await desk.rotate(caller, webhook_id, timedelta(seconds=body.grace_seconds)))


@router.post("/{webhook_id}/test", status_code=202, summary="Send a test event")
async def test_webhook(webhook_id: str, caller: SignedIn, desk: Desk) -> WebhookDeliveryView:
    """Sent like any other message, and shown in the log. Every request sends another."""
    return view_delivery(await desk.test(caller, webhook_id))


@router.get("/{webhook_id}/deliveries", summary="List a webhook's deliveries and their attempts")
async def list_deliveries(
    webhook_id: str, caller: SignedIn, desk: Desk, before: After = None, limit: PageSize = 50
) -> WebhookDeliveryPage:
    """Each message with every attempt, its status and the start of what came back."""
    found = await desk.deliveries(caller, webhook_id, before=before, limit=limit)
    following = Page.of(found, limit, lambda row: row.delivery.id).next
    return WebhookDeliveryPage(items=[view_delivery(each) for each in found], next=following)


@router.post("/{webhook_id}/deliveries/{delivery_id}/redeliver", status_code=202, summary="Send a message again")
async def redeliver_message(webhook_id: str, delivery_id: str, caller: SignedIn, desk: Desk) -> None:
    """With the same `webhook-id` and content, so that a receiver can tell it apart from a new one."""
    await desk.redeliver(caller, webhook_id, delivery_id)


def view_webhook(row: WebhookEndpoint) -> WebhookView:
    return WebhookView(**{name: getattr(row, name) for name in WebhookView.model_fields})


def view_secret(made: NewSecret) -> NewWebhookAnswer:
    return NewWebhookAnswer(**view_webhook(made.endpoint).model_dump(), secret=made.secret)


def view_delivery(found: Delivered) -> WebhookDeliveryView:
    delivery, message = found.delivery, found.message
    return WebhookDeliveryView.model_validate(
        {
            "id": delivery.id,
            "message_id": message.id,
            "event_type": message.event_type,
            "payload": message.payload,
            "state": delivery.state,
            "next_at": delivery.next_at if delivery.state == "pending" else None,
            "ended_at": delivery.ended_at,
            "attempts": [
                WebhookAttemptView(**{name: getattr(one, name) for name in WebhookAttemptView.model_fields})
                for one in found.attempts
            ],
        }
    )
