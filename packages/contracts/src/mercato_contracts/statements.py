"""An organisation's money under `/api`: statement, balance, what is not billed yet, and what plans would cost."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from mercato_contracts.calls import EntryView
from mercato_contracts.fields import (
    Calls,
    CurrencyCode,
    NextPage,
    PlanId,
    ServiceId,
    SubscriptionId,
    TokensIn,
    TokensOut,
)
from mercato_contracts.metering import UsageSide
from mercato_contracts.wire import Wire


class StatementAnswer(Wire):
    """Postings of [`since`, `until`), the newest first; ask on with `after` set to `next`.

    Positive is what you owe, negative what you are owed. `opening_nanos` is what stood before the period, and
    `closing_nanos` after it, by currency.
    """

    side: UsageSide = Field(description="From whose side it is counted")
    since: date = Field(description="The first day, UTC")
    until: date = Field(description="The day after the last one, UTC")
    opening_nanos: dict[str, int] = Field(description="The balance before the period by currency, in nano-units")
    closing_nanos: dict[str, int] = Field(description="The balance after the period by currency, in nano-units")
    items: list[EntryView] = Field(description="The postings of this page, newest first")
    next: NextPage


class StandingView(Wire):
    """An account: all that was posted, and the part of it that stands on no invoice or payout yet."""

    account_id: str = Field(description="The account's id, such as `consumer:org_…:USD` or `revenue:USD`")
    kind: Literal["consumer", "vendor", "revenue"] = Field(description="Whose account it is")
    organisation_id: str | None = Field(
        description="The id of its organisation; null for the marketplace's own account"
    )
    organisation: str = Field(description="The short name of its organisation")
    currency: CurrencyCode
    balance_nanos: int = Field(description="The balance in nano-units; positive is owed by the organisation")
    unbilled_nanos: int = Field(description="The part of it that stands on no document yet, in nano-units")


class BalanceAnswer(Wire):
    """What your organisation stands at; positive is what it owes."""

    items: list[StandingView] = Field(description="The accounts of your organisation")


class UnbilledLineView(Wire):
    """What the next invoice, or payout, would have as a line."""

    month: str = Field(description="The calendar month of the usage, UTC: 2026-11")
    account_id: str = Field(description="The account that it is posted to")
    currency: CurrencyCode
    item: Literal["usage", "monthly", "adjustment", "fee"] = Field(description="What the amount is")
    service_id: ServiceId
    service: str = Field(description="The service, `vendor/name`")
    subscription_id: SubscriptionId
    plan_id: PlanId
    plan: str = Field(description="The plan's name")
    calls: Calls
    tokens_in: TokensIn
    tokens_out: TokensOut
    included: int = Field(description="Units that the plan covered: calls or tokens")
    amount_nanos: int = Field(description="The amount in nano-units; positive is owed by the organisation")


class EstimateLineView(Wire):
    """A part of a plan's price: `units` at `unit_nanos` each, of tokens a thousand."""

    item: Literal["monthly", "call", "input_tokens", "output_tokens"] = Field(description="What is priced")
    units: int = Field(description="How many: months, calls or tokens")
    unit_nanos: int = Field(description="The price of one, or of a thousand tokens, in nano-units")
    nanos: int = Field(description="The amount of this line in nano-units")


class PlanEstimateView(Wire):
    """What a plan would charge for a month of the workload.

    `included_units` are what it covers. `refused_units` are beyond that where the plan ends there: not served, and not
    in the price.
    """

    plan_id: PlanId
    plan: str = Field(description="The plan's name")
    currency: CurrencyCode
    nanos: int = Field(description="What the month would cost, in nano-units")
    included_units: int = Field(description="Units that the plan covers: calls or tokens")
    refused_units: int = Field(description="Units that the plan would refuse")
    lines: list[EstimateLineView] = Field(description="How the amount is made up")


class PriceEstimate(Wire):
    """A month's workload under each plan that is offered, the cheapest of a currency first.

    `since` is the month that was read, where it is your own. Real calls are rounded up one by one, so they come to a
    little more.
    """

    calls: int = Field(description="Calls of the month's workload")
    tokens_in: int = Field(description="Input tokens of the month's workload")
    tokens_out: int = Field(description="Output tokens of the month's workload")
    since: datetime | None = Field(
        description="The start of the month that was read; null where the workload was given"
    )
    items: list[PlanEstimateView] = Field(description="The plans on offer, cheapest of a currency first")


class UnbilledAnswer(Wire):
    """All that stands on no document yet, and its sum by currency."""

    side: Literal["consumer", "vendor"] = Field(description="From whose side it is counted")
    totals: dict[str, int] = Field(description="The sum by currency, in nano-units")
    items: list[UnbilledLineView] = Field(description="The lines that the next document would have")
