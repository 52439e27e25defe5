"""Webhooks under `/api/webhooks`, signed as Standard Webhooks 1.0.0.

Each request carries `webhook-id` (the same at every attempt), `webhook-timestamp` (seconds) and `webhook-signature`
(`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`, one for each secret in force).
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from mercato_contracts.wire import Wire

EventTypes = Annotated[
    list[Annotated[str, Field(max_length=64)]],
    Field(max_length=32, description="Which events; every kind where the list is empty"),
]


class WebhookRequest(Wire):
    """Send these events to `url`."""

    url: Annotated[str, Field(min_length=8, max_length=2_000)]
    event_types: EventTypes = []
    description: Annotated[str, Field(max_length=200)] = ""


class WebhookChange(Wire):
    """What is left out stays as it is. `enabled` true also sends to an endpoint again that was given up."""

    url: Annotated[str, Field(min_length=8, max_length=2_000)] | None = None
    event_types: EventTypes | None = None
    enabled: bool | None = None


class WebhookView(Wire):
    """An endpoint. `failing_since`: nothing was delivered since; `disabled_reason` says why nothing is sent."""

    id: str
    url: str
    event_types: list[str]
    description: str
    created_by: str
    created_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str


class WebhookList(Wire):
    """All of the organisation's, and the types of events that there are."""

    items: list[WebhookView]
    event_types: list[str]


class NewWebhookAnswer(WebhookView):
    """The endpoint with its newest secret, `whsec_…`, which is shown this once."""

    secret: str


class RotateWebhookRequest(Wire):
    """How long the secrets before this one sign beside it."""

    grace_seconds: Annotated[int, Field(ge=0, le=604_800)] = 86_400


class WebhookAttemptView(Wire):
    """One request: the status that came back, or why none did."""

    at: datetime
    status: int | None
    error: str
    took_ms: int


class WebhookDeliveryView(Wire):
    """A message to an endpoint, and every attempt, oldest first. `message_id` is the `webhook-id`."""

    id: str
    message_id: str
    event_type: str
    payload: dict[str, Any]
    state: Literal["pending", "delivered", "failed"]
    next_at: datetime | None
    ended_at: datetime | None
    attempts: list[WebhookAttemptView]


class WebhookDeliveryPage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[WebhookDeliveryView]
    next: str | None
