"""What metering receives and answers under `/api`: usage and budgets. Money is in whole nano-units."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mercato_contracts.wire import Count, Wire

UsageSide = Literal["consumer", "vendor", "marketplace"]
UsageGroup = Literal["service", "day", "key", "subscription", "consumer", "vendor"]


class UsageSumView(Wire):
    """Calls added up; `failed` are those that the service answered with 5xx. `group` is empty in totals.

    `name` is what people call the group: `acme/embedder` for a service's id.
    `unpaid_nanos` is the price of what services used beyond the calls' limits, which nobody is charged for.
    """

    group: str
    name: str = ""
    currency: str
    calls: int
    failed: int
    tokens_in: int
    tokens_out: int
    bytes_out: int
    included: int
    price_nanos: int
    unpaid_nanos: int


class UsageAnswer(Wire):
    """Sums of the period [`since`, `until`) by group, and the totals of the same calls by currency."""

    side: UsageSide
    group_by: UsageGroup
    since: datetime
    until: datetime
    items: list[UsageSumView]
    totals: list[UsageSumView]


class EventAdjustmentView(Wire):
    """A correction of one event; units and money are negative in a credit."""

    id: str
    at: datetime
    reason: str
    requests: int
    tokens_in: int
    tokens_out: int
    nanos: int


class UsageEventView(Wire):
    """One metered call as it was; what was corrected stands beside it.

    `asked_service_id` is the service that the call had named, where a fallback answered. A vendor is told neither that
    nor the key. The `unpaid_` fields are what the service used beyond the call's limits: charged to nobody. `ended_by`
    is the code of the limit that ended a stream. Where the service's counts cannot be true, `doubt` says why, the
    `claimed_` fields are those counts, and the gateway's own count is charged.
    """

    id: str
    at: datetime
    called_at: datetime
    request_id: str
    consumer_id: str
    key_id: str | None
    subscription_id: str
    plan_id: str
    vendor_id: str
    service_id: str
    release_id: str
    deployment_id: str
    protocol: str
    operation: str
    status: int
    streamed: bool
    client_left: bool
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    bytes_in: int
    bytes_out: int
    first_byte_us: int
    duration_us: int
    overhead_us: int
    included: int
    price_nanos: int
    currency: str
    source: str
    asked_service_id: str | None = None
    unpaid_tokens_in: int
    unpaid_tokens_out: int
    unpaid_nanos: int
    ended_by: str | None
    doubt: str | None
    claimed_tokens_in: int | None
    claimed_tokens_out: int | None
    adjustments: list[EventAdjustmentView]


class UsageEventPage(Wire):
    """In the order of their times; ask on with `after` set to `next`."""

    items: list[UsageEventView]
    next: str | None


class UsageDisputeView(Wire):
    """A call on which the gateway and the control plane disagreed; the control plane's figure was posted."""

    event_id: str
    at: datetime
    gateway: str
    reasons: list[str]
    claimed: dict[str, Any]
    claimed_nanos: int
    posted_nanos: int


class UsageDisputePage(Wire):
    """In the order of the calls' times; ask on with `after` set to `next`."""

    items: list[UsageDisputeView]
    next: str | None


class DoubtedCallsView(Wire):
    """Calls of a service on one day whose counts cannot be true, by reason."""

    service_id: str
    day: date
    reason: str
    calls: int


class DoubtedCallsList(Wire):
    """The newest day first."""

    items: list[DoubtedCallsView]


class UsageReviewView(Wire):
    """A service that an operator has to look at: on `day` the counts of `calls` of its calls could not be true.

    `verdict` is `hold` where its deployments were taken out of routing, `clear` where they were not, or came back.
    """

    id: str
    service_id: str
    vendor_id: str
    day: date
    calls: int
    opened_at: datetime
    verdict: Literal["clear", "hold"] | None
    reason: str | None
    decided_by: str | None
    decided_at: datetime | None


class UsageReviewPage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[UsageReviewView]
    next: str | None


class UsageReviewDecision(Wire):
    """What is to become of the service."""

    verdict: Literal["clear", "hold"]
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class BudgetRequest(Wire):
    """A cap on the whole organisation, or on the key `key_id`. `nanos` is money in nano-units, of every currency.

    With `side` `vendor` on all calls of your services together, whoever makes them. `concurrent` are calls at once,
    which are counted at every moment: their window is `ever`.
    """

    side: Literal["consumer", "vendor"] = "consumer"
    key_id: Annotated[str, Field(max_length=64)] | None = None
    unit: Literal["nanos", "requests", "tokens", "concurrent"] = "nanos"
    window: Literal["second", "minute", "day", "month", "ever"] = "month"
    cap: Count

    @model_validator(mode="after")
    def _fits_together(self) -> "BudgetRequest":
        if self.unit == "nanos" and self.window in ("second", "minute"):
            raise ValueError("a money budget counts by day or month")
        if (self.unit == "concurrent") != (self.window == "ever"):
            raise ValueError("concurrent calls, and nothing else, are counted in the window `ever`")
        if self.side == "vendor" and self.key_id is not None:
            raise ValueError("a key is a consumer's: leave out `key_id`, or `side`")
        return self


class BudgetView(Wire):
    """A cap and how its present window stands: `used` is spent, `held` lent to gateways for calls, `left` is free."""

    scope: str
    key_id: str | None
    unit: Literal["nanos", "requests", "tokens", "concurrent"]
    window: Literal["second", "minute", "day", "month", "ever"]
    cap: int
    used: int
    held: int
    left: int
    set_by: str
    set_at: datetime


class BudgetList(Wire):
    """Every budget of the organisation and its keys."""

    items: list[BudgetView]
