"""What subscriptions receive and answer under `/api`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from mercato_contracts.wire import Wire


class SubscribeRequest(Wire):
    """Subscribe to the plan with this id; a service's page lists its open plans."""

    plan_id: Annotated[str, Field(min_length=1, max_length=64)]


class SubscriptionView(Wire):
    """A consumer's right to call a service under a plan; `service` and `plan` are their names."""

    id: str
    consumer_id: str
    vendor_id: str
    service_id: str
    service: str = ""
    plan_id: str
    plan: str = ""
    status: Literal["active", "cancelled"]
    created_at: datetime
    active_since: datetime
    cancelled_at: datetime | None


class SubscriptionPage(Wire):
    """In the order they were made; ask on with `after` set to `next`."""

    items: list[SubscriptionView]
    next: str | None
