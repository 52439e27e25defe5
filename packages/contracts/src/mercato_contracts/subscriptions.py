"""What subscriptions receive and answer under `/api`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from mercato_contracts.fields import (
    Calls,
    ConsumerId,
    CreatedAt,
    CurrencyCode,
    NextPage,
    PlanId,
    ServiceId,
    SubscriptionId,
    TokensIn,
    TokensOut,
    VendorId,
)
from mercato_contracts.wire import Wire


class SubscribeRequest(Wire):
    """Subscribe to the plan with this id; a service's page lists its open plans."""

    plan_id: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="The plan to take, `pln_…`")


class ChangePlanRequest(Wire):
    """Change to the plan with this id, of the same service."""

    plan_id: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="The plan to change to, `pln_…`")


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


class PlanCostView(Wire):
    """One of two plans between which somebody chooses.

    `charged_nanos` is this month's fee where it is charged already, `due_nanos` what the change adds to it at once, and
    `next_nanos` the fee at the beginning of the next month. `usage_nanos` is the price of the workload under this plan,
    its fee included; `refused_units` of it are beyond what the plan serves.
    """

    plan_id: PlanId
    plan: str = Field(description="The plan's name")
    currency: CurrencyCode
    charged_nanos: int = Field(description="This month's fee where it is charged already, in nano-units")
    due_nanos: int = Field(description="What the change adds to it at once, in nano-units")
    next_nanos: int = Field(description="The fee at the beginning of the next month, in nano-units")
    usage_nanos: int = Field(description="What the workload costs under this plan, its fee included, in nano-units")
    refused_units: int = Field(description="Units of the workload that the plan would refuse")
    included_unit: Literal["requests", "tokens"] | None = Field(
        description="What the plan includes each month; null where it includes nothing"
    )
    included: int = Field(description="How many of that unit a month")


class PlanChangePreview(Wire):
    """What a change of plan costs; nothing is changed by asking.

    The fee of the present plan is owed for the whole month and is not given back. `calls` and tokens are your
    organisation's own since `since`.
    """

    subscription_id: SubscriptionId
    service: str = Field(description="The service, `vendor/name`")
    present: PlanCostView = Field(description="The plan as it is")
    wanted: PlanCostView = Field(description="The plan to change to")
    next_at: datetime = Field(description="When the next month begins, UTC")
    since: datetime = Field(description="The start of the workload that was read, UTC")
    calls: Calls
    tokens_in: TokensIn
    tokens_out: TokensOut
