"""What subscriptions receive and answer under `/api`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from mercato_contracts.fields import ConsumerId, CreatedAt, NextPage, PlanId, ServiceId, SubscriptionId, VendorId
from mercato_contracts.wire import Wire


class SubscribeRequest(Wire):
    """Subscribe to the plan with this id; a service's page lists its open plans."""

    plan_id: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="The plan to take, `pln_…`")


class SubscriptionView(Wire):
    """A consumer's right to call a service under a plan; `service` and `plan` are their names."""

    id: SubscriptionId
    consumer_id: ConsumerId
    vendor_id: VendorId
    service_id: ServiceId
    service: str = Field(default="", description="The service, `vendor/name`; empty when it is not known")
    plan_id: PlanId
    plan: str = Field(default="", description="The plan's name; empty when it is not known")
    status: Literal["active", "cancelled"] = Field(description="Whether calls may be made")
    created_at: CreatedAt
    active_since: datetime = Field(
        description="Since when it is active, UTC; later than `created_at` when it was renewed"
    )
    cancelled_at: datetime | None = Field(description="When it was cancelled, UTC; null while it is active")


class SubscriptionPage(Wire):
    """In the order they were made; ask on with `after` set to `next`."""

    items: list[SubscriptionView] = Field(description="The subscriptions of this page, in the order they were made")
    next: NextPage
