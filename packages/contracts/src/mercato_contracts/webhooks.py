"""Webhooks under `/api/webhooks`, signed as Standard Webhooks 1.0.0.

Each request carries `webhook-id` (the same at every attempt), `webhook-timestamp` (seconds) and `webhook-signature`
(`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`, one for each secret in force).
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from mercato_contracts.fields import CreatedAt
from mercato_contracts.wire import Wire

EventTypes = Annotated[
    list[Annotated[str, Field(max_length=64)]],
    Field(max_length=32, description="Which events; every kind where the list is empty"),
]


class WebhookRequest(Wire):
    """Send these events to `url`."""

    url: Annotated[str, Field(min_length=8, max_length=2_000)] = Field(
        description="Where messages are sent, 8 to 2,000 characters"
    )
    event_types: EventTypes = []
    description: Annotated[str, Field(max_length=200)] = Field(
        default="", description="What it is for, at most 200 characters"
    )


class WebhookChange(Wire):
    """What is left out stays as it is. `enabled` true also sends to an endpoint again that was given up."""

    url: Annotated[str, Field(min_length=8, max_length=2_000)] | None = Field(
        default=None, description="Where messages are sent, 8 to 2,000 characters; unchanged when left out"
    )
    event_types: EventTypes | None = Field(
        default=None, description="Which events; unchanged when left out, every kind when empty"
    )
    enabled: bool | None = Field(default=None, description="Whether messages are sent; unchanged when left out")


class WebhookView(Wire):
    """An endpoint. `failing_since`: nothing was delivered since; `disabled_reason` says why nothing is sent."""

    id: str = Field(description="The endpoint's id, `whk_…`")
    url: str = Field(description="Where messages are sent")
    event_types: list[str] = Field(description="Which events; every kind when empty")
    description: str = Field(description="What it is for")
    created_by: str = Field(description="The id of who added it")
    created_at: CreatedAt
    failing_since: datetime | None = Field(description="Since when nothing was delivered, UTC; null while it works")
    disabled_at: datetime | None = Field(description="When it was switched off, UTC; null while messages are sent")
    disabled_reason: str = Field(description="Why it was switched off; empty while messages are sent")


class WebhookList(Wire):
    """All of the organisation's, and the types of events that there are."""

    items: list[WebhookView] = Field(description="The organisation's endpoints")
    event_types: list[str] = Field(description="Every type of event that there is")


class NewWebhookAnswer(WebhookView):
    """The endpoint with its newest secret, `whsec_…`, which is shown this once."""

    secret: str = Field(description="The secret that signs, `whsec_…`; shown this once")


class RotateWebhookRequest(Wire):
    """How long the secrets before this one sign beside it."""

    grace_seconds: Annotated[int, Field(ge=0, le=604_800)] = Field(
        default=86_400, description="Seconds that the earlier secrets sign as well, at most a week"
    )


class WebhookAttemptView(Wire):
    """One request: the status that came back, or why none did."""

    at: datetime = Field(description="When it was sent, UTC")
    status: int | None = Field(description="The HTTP status that came back; null: none did")
    error: str = Field(description="Why no status came back; empty: one did")
    took_ms: int = Field(description="How long it took, in milliseconds")


class WebhookDeliveryView(Wire):
    """A message to an endpoint, and every attempt, oldest first. `message_id` is the `webhook-id`."""

    id: str = Field(description="The delivery's id, `dlv_…`")
    message_id: str = Field(description="The message's id, `msg_…`; the same at every attempt")
    event_type: str = Field(description="The type of event")
    payload: dict[str, Any] = Field(description="What is sent as the body")
    state: Literal["pending", "delivered", "failed"] = Field(description="Where the delivery stands")
    next_at: datetime | None = Field(description="When the next attempt is due, UTC; null: none is")
    ended_at: datetime | None = Field(description="When it was delivered or given up, UTC; null while it is pending")
    attempts: list[WebhookAttemptView] = Field(description="Every attempt, oldest first")


class WebhookDeliveryPage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[WebhookDeliveryView] = Field(description="The deliveries of this page, newest first")
    next: str | None = Field(description="Pass it as `before` for the next page; null on the last page")
