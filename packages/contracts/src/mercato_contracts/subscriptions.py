"""What subscriptions receive and answer under `/api`."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from mercato_contracts.wire import Wire


class SubscribeRequest(Wire):
    """Subscribe to the plan with this id; a service's page lists its open plans."""

    plan_id: Annotated[str, Field(min_length=1, max_length=64)]


class ChangePlanRequest(Wire):
    """Change to the plan with this id, of the same service."""

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


class PlanCostView(Wire):
    """One of two plans between which somebody chooses.

    `charged_nanos` is this month's fee where it is charged already, `due_nanos` what the change adds to it at once, and
    `next_nanos` the fee at the beginning of the next month. `usage_nanos` is the price of the workload under this plan,
    its fee included; `refused_units` of it are beyond what the plan serves.
    """

    plan_id: str
    plan: str
    currency: str
    charged_nanos: int
    due_nanos: int
    next_nanos: int
    usage_nanos: int
    refused_units: int
    included_unit: Literal["requests", "tokens"] | None
    included: int


class PlanChangePreview(Wire):
    """What a change of plan costs; nothing is changed by asking.

    The fee of the present plan is owed for the whole month and is not given back. `calls` and tokens are your
    organisation's own since `since`.
    """

    subscription_id: str
    service: str
    present: PlanCostView
    wanted: PlanCostView
    next_at: datetime
    since: datetime
    calls: int
    tokens_in: int
    tokens_out: int
