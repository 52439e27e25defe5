"""What metering receives and answers under `/api`: usage and budgets. Money is in whole nano-units."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mercato_contracts.fields import (
    ASKED_SERVICE,
    BYTES_IN,
    BYTES_OUT,
    CLAIMED_TOKENS_IN,
    CLAIMED_TOKENS_OUT,
    CLIENT_LEFT,
    CURRENCY,
    DEPLOYMENT_ID,
    DOUBT,
    DURATION_US,
    ENDED_BY,
    FIRST_BYTE_US,
    HTTP_STATUS,
    INCLUDED,
    OPERATION,
    OVERHEAD_US,
    PRICE_NANOS,
    PROTOCOL,
    REQUEST_ID,
    SOURCE,
    STREAMED,
    TOKENS_CACHED,
    TOKENS_IN,
    TOKENS_OUT,
    UNPAID_NANOS,
    UNPAID_TOKENS_IN,
    UNPAID_TOKENS_OUT,
    Calls,
    ConsumerId,
    CurrencyCode,
    NextPage,
    PlanId,
    ReleaseId,
    ServiceId,
    SubscriptionId,
    TokensIn,
    TokensOut,
    VendorId,
)
from mercato_contracts.wire import Count, Wire

UsageSide = Literal["consumer", "vendor", "marketplace"]
UsageGroup = Literal["service", "day", "key", "subscription", "consumer", "vendor"]


class UsageSumView(Wire):
    """Calls added up; `failed` are those that the service answered with 5xx. `group` is empty in totals.

    `name` is what people call the group: `acme/embedder` for a service's id.
    `unpaid_nanos` is the price of what services used beyond the calls' limits, which nobody is charged for.
    """

    group: str = Field(description="The value of the group; empty in totals")
    name: str = Field(default="", description="What people call the group")
    currency: CurrencyCode
    calls: Calls
    failed: int = Field(description="Calls that the service answered with a status of 500 or above")
    tokens_in: TokensIn
    tokens_out: TokensOut
    bytes_out: int = Field(description="Bytes of the responses")
    included: int = Field(description="Units that plans covered: calls or tokens")
    price_nanos: int = Field(description="What was charged, in nano-units")
    unpaid_nanos: int = Field(
        description="The price of what services used beyond the limits, charged to nobody, in nano-units"
    )


class UsageAnswer(Wire):
    """Sums of the period [`since`, `until`) by group, and the totals of the same calls by currency."""

    side: UsageSide = Field(description="From whose side it is counted")
    group_by: UsageGroup = Field(description="What the sums are split by")
    since: datetime = Field(description="The start of the period, inclusive")
    until: datetime = Field(description="The end of the period, exclusive")
    items: list[UsageSumView] = Field(description="One sum for each group and currency")
    totals: list[UsageSumView] = Field(description="One sum for each currency")


class EventAdjustmentView(Wire):
    """A correction of one event; units and money are negative in a credit."""

    id: str = Field(description="The adjustment's id, `adj_…`")
    at: datetime = Field(description="When it was posted, UTC")
    reason: str = Field(description="Why it was posted")
    requests: int = Field(description="Calls; negative in a credit")
    tokens_in: int = Field(description="Input tokens; negative in a credit")
    tokens_out: int = Field(description="Output tokens; negative in a credit")
    nanos: int = Field(description="The amount in nano-units; negative in a credit")


class UsageEventView(Wire):
    """One metered call as it was; what was corrected stands beside it.

    `asked_service_id` is the service that the call had named, where a fallback answered. A vendor is told neither that
    nor the key. The `unpaid_` fields are what the service used beyond the call's limits: charged to nobody. `ended_by`
    is the code of the limit that ended a stream. Where the service's counts cannot be true, `doubt` says why, the
    `claimed_` fields are those counts, and the gateway's own count is charged.
    """

    id: str = Field(description="The event's id, `use_…`")
    at: datetime = Field(description="The time in the event's id, UTC: calls are listed by it")
    called_at: datetime = Field(description="When the call began by the gateway's clock, UTC")
    request_id: Annotated[str, REQUEST_ID]
    consumer_id: ConsumerId
    key_id: str | None = Field(description="The id of the key that called; null for a vendor")
    subscription_id: SubscriptionId
    plan_id: PlanId
    vendor_id: VendorId
    service_id: ServiceId
    release_id: ReleaseId
    deployment_id: Annotated[str, DEPLOYMENT_ID]
    protocol: Annotated[str, PROTOCOL]
    operation: Annotated[str, OPERATION]
    status: Annotated[int, HTTP_STATUS]
    streamed: Annotated[bool, STREAMED]
    client_left: Annotated[bool, CLIENT_LEFT]
    tokens_in: Annotated[int, TOKENS_IN]
    tokens_out: Annotated[int, TOKENS_OUT]
    tokens_cached: Annotated[int, TOKENS_CACHED]
    bytes_in: Annotated[int, BYTES_IN]
    bytes_out: Annotated[int, BYTES_OUT]
    first_byte_us: Annotated[int, FIRST_BYTE_US]
    duration_us: Annotated[int, DURATION_US]
    overhead_us: Annotated[int, OVERHEAD_US]
    included: Annotated[int, INCLUDED]
    price_nanos: Annotated[int, PRICE_NANOS]
    currency: Annotated[str, CURRENCY]
    source: Annotated[str, SOURCE]
    asked_service_id: Annotated[str | None, ASKED_SERVICE] = None
    unpaid_tokens_in: Annotated[int, UNPAID_TOKENS_IN]
    unpaid_tokens_out: Annotated[int, UNPAID_TOKENS_OUT]
    unpaid_nanos: Annotated[int, UNPAID_NANOS]
    ended_by: Annotated[str | None, ENDED_BY]
    doubt: Annotated[str | None, DOUBT]
    claimed_tokens_in: Annotated[int | None, CLAIMED_TOKENS_IN]
    claimed_tokens_out: Annotated[int | None, CLAIMED_TOKENS_OUT]
    adjustments: list[EventAdjustmentView] = Field(description="Corrections of this call")


class UsageEventPage(Wire):
    """In the order of their times; ask on with `after` set to `next`."""

    items: list[UsageEventView] = Field(description="The calls of this page, in the order of their times")
    next: NextPage


class UsageDisputeView(Wire):
    """A call on which the gateway and the control plane disagreed; the control plane's figure was posted."""

    event_id: str = Field(description="The usage event, `use_…`")
    at: datetime = Field(description="The time in the event's id, UTC")
    gateway: str = Field(description="The id of the gateway that reported it, `gtw_…`")
    reasons: list[str] = Field(description="What they disagree on")
    claimed: dict[str, Any] = Field(description="The event as the gateway reported it")
    claimed_nanos: int = Field(description="The price that the gateway reported, in nano-units")
    posted_nanos: int = Field(description="The price that was posted, in nano-units")


class UsageDisputePage(Wire):
    """In the order of the calls' times; ask on with `after` set to `next`."""

    items: list[UsageDisputeView] = Field(description="The disputes of this page, in the order of the calls' times")
    next: NextPage


class DoubtedCallsView(Wire):
    """Calls of a service on one day whose counts cannot be true, by reason."""

    service_id: ServiceId
    day: date = Field(description="The day, UTC")
    reason: str = Field(description="Why the counts cannot be true")
    calls: Calls


class DoubtedCallsList(Wire):
    """The newest day first."""

    items: list[DoubtedCallsView] = Field(description="The doubted calls by service, day and reason, newest day first")


class UsageReviewView(Wire):
    """A service that an operator has to look at: on `day` the counts of `calls` of its calls could not be true.

    `verdict` is `hold` where its deployments were taken out of routing, `clear` where they were not, or came back.
    """

    id: str = Field(description="The review's id, `drv_…`")
    service_id: ServiceId
    vendor_id: VendorId
    day: date = Field(description="The day of the calls, UTC")
    calls: int = Field(description="How many calls had counts that cannot be true")
    opened_at: datetime = Field(description="When it was opened, UTC")
    verdict: Literal["clear", "hold"] | None = Field(description="What was decided; null while it is open")
    reason: str | None = Field(description="Why; null while it is open")
    decided_by: str | None = Field(description="The id of the operator; null while it is open")
    decided_at: datetime | None = Field(description="When it was decided, UTC; null while it is open")


class UsageReviewPage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[UsageReviewView] = Field(description="The reviews of this page, newest first")
    next: str | None = Field(description="Pass it as `before` for the next page; null on the last page")


class UsageReviewDecision(Wire):
    """What is to become of the service."""

    verdict: Literal["clear", "hold"] = Field(
        description="`hold` takes the service's deployments out of routing, `clear` does not"
    )
    reason: Annotated[str, Field(min_length=1, max_length=500)] = Field(description="Why, 1 to 500 characters")


class BudgetRequest(Wire):
    """A cap on the whole organisation, or on the key `key_id`. `nanos` is money in nano-units, of every currency.

    With `side` `vendor` on all calls of your services together, whoever makes them. `concurrent` are calls at once,
    which are counted at every moment: their window is `ever`.
    """

    side: Literal["consumer", "vendor"] = Field(
        default="consumer", description="Whose calls: the organisation's own, or those of its services"
    )
    key_id: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="The key to limit, `key_…`; the whole organisation when left out"
    )
    unit: Literal["nanos", "requests", "tokens", "concurrent"] = Field(default="nanos", description="What is counted")
    window: Literal["second", "minute", "day", "month", "ever"] = Field(
        default="month", description="Over which time; `ever` is for `concurrent`"
    )
    cap: Count = Field(description="The most units of one window")

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

    scope: str = Field(description="The whole name of the limit")
    key_id: str | None = Field(description="The key that it limits; null: the whole organisation")
    unit: Literal["nanos", "requests", "tokens", "concurrent"] = Field(description="What is counted")
    window: Literal["second", "minute", "day", "month", "ever"] = Field(description="Over which time")
    cap: int = Field(description="The most units of one window")
    used: int = Field(description="Units spent in the present window")
    held: int = Field(description="Units lent to gateways for calls")
    left: int = Field(description="Units that are free")
    set_by: str = Field(description="The id of the person or key that set it")
    set_at: datetime = Field(description="When it was set, UTC")


class BudgetList(Wire):
    """Every budget of the organisation and its keys."""

    items: list[BudgetView] = Field(description="The budgets of the organisation and its keys")
