"""An organisation's money under `/api`: statement, balance, what is not billed yet, and what plans would cost."""

from datetime import date, datetime
from typing import Literal

from mercato_contracts.calls import EntryView
from mercato_contracts.metering import UsageSide
from mercato_contracts.wire import Wire


class StatementAnswer(Wire):
    """Postings of [`since`, `until`), the newest first; ask on with `after` set to `next`.

    Positive is what you owe, negative what you are owed. `opening_nanos` is what stood before the period, and
    `closing_nanos` after it, by currency.
    """

    side: UsageSide
    since: date
    until: date
    opening_nanos: dict[str, int]
    closing_nanos: dict[str, int]
    items: list[EntryView]
    next: str | None


class StandingView(Wire):
    """An account: all that was posted, and the part of it that stands on no invoice or payout yet."""

    account_id: str
    kind: Literal["consumer", "vendor", "revenue"]
    organisation_id: str | None
    organisation: str
    currency: str
    balance_nanos: int
    unbilled_nanos: int


class BalanceAnswer(Wire):
    """What your organisation stands at; positive is what it owes."""

    items: list[StandingView]


class UnbilledLineView(Wire):
    """What the next invoice, or payout, would have as a line."""

    month: str
    account_id: str
    currency: str
    item: Literal["usage", "monthly", "adjustment", "fee"]
    service_id: str
    service: str
    subscription_id: str
    plan_id: str
    plan: str
    calls: int
    tokens_in: int
    tokens_out: int
    included: int
    amount_nanos: int


class EstimateLineView(Wire):
    """A part of a plan's price: `units` at `unit_nanos` each, of tokens a thousand."""

    item: Literal["monthly", "call", "input_tokens", "output_tokens"]
    units: int
    unit_nanos: int
    nanos: int


class PlanEstimateView(Wire):
    """What a plan would charge for a month of the workload.

    `included_units` are what it covers. `refused_units` are beyond that where the plan ends there: not served, and not
    in the price.
    """

    plan_id: str
    plan: str
    currency: str
    nanos: int
    included_units: int
    refused_units: int
    lines: list[EstimateLineView]


class PriceEstimate(Wire):
    """A month's workload under each plan that is offered, the cheapest of a currency first.

    `since` is the month that was read, where it is your own. Real calls are rounded up one by one, so they come to a
    little more.
    """

    calls: int
    tokens_in: int
    tokens_out: int
    since: datetime | None
    items: list[PlanEstimateView]


class UnbilledAnswer(Wire):
    """All that stands on no document yet, and its sum by currency."""

    side: Literal["consumer", "vendor"]
    totals: dict[str, int]
    items: list[UnbilledLineView]
