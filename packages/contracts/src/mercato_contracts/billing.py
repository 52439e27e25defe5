"""What billing receives and answers under `/api`. Money is in whole nano-units, never rounded."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mercato_contracts.fields import (
    Calls,
    ConsumerId,
    CurrencyCode,
    NextPage,
    PlanId,
    ServiceId,
    SubscriptionId,
    TokensIn,
    TokensOut,
    VendorId,
)
from mercato_contracts.wire import Count, Nanos, Wire

Period = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="A calendar month, UTC: 2026-11")]


class InvoiceLineView(Wire):
    """`usage` of a subscription in a month, its `monthly` fee, or one `adjustment`, which `adjustment_id` names.

    `is_adjustment`: an adjustment, or of a month invoiced before.
    """

    item: str = Field(description="What the line charges: `usage`, `monthly` or `adjustment`")
    month: str = Field(description="The calendar month of the usage, UTC: 2026-11")
    is_adjustment: bool = Field(description="Whether it corrects, or belongs to a month invoiced before")
    service_id: ServiceId
    service: str = Field(default="", description="The service, `vendor/name`; empty when it is not known")
    plan_id: PlanId
    plan: str = Field(default="", description="The plan's name; empty when it is not known")
    subscription_id: SubscriptionId
    calls: Calls
    tokens_in: TokensIn
    tokens_out: TokensOut
    included: int = Field(description="Units that the plan covered: calls or tokens")
    amount_nanos: int = Field(description="The line's amount in nano-units; negative is a credit")
    adjustment_id: str | None = Field(description="The adjustment that the line posts; null for other lines")


class InvoiceView(Wire):
    """What a consumer owes for a period."""

    id: str = Field(description="The invoice's id, `inv_…`")
    number: int = Field(description="The invoice's number, counted from 1 without gaps")
    consumer_id: ConsumerId
    consumer: str = Field(default="", description="The consumer's short name; empty when it is not known")
    currency: CurrencyCode
    period: str = Field(description="The calendar month, UTC: 2026-11")
    issued_at: datetime = Field(description="When it was issued, UTC")
    total_nanos: int = Field(description="The sum of its lines in nano-units")


class InvoiceDetail(InvoiceView):
    """An invoice with its lines, whose amounts sum to its total."""

    lines: list[InvoiceLineView] = Field(description="The invoice's lines, which sum to the total")


class InvoicePage(Wire):
    """In the order they were issued; ask on with `after` set to `next`."""

    items: list[InvoiceView] = Field(description="The invoices of this page, in the order of issue")
    next: NextPage


class PayoutLineView(Wire):
    """A service's part in one month, or one adjustment, which `adjustment_id` names."""

    month: str = Field(description="The calendar month of the usage, UTC: 2026-11")
    is_adjustment: bool = Field(description="Whether it corrects, or belongs to a month paid before")
    service_id: ServiceId
    service: str = Field(default="", description="The service, `vendor/name`; empty when it is not known")
    calls: Calls
    gross_nanos: int = Field(description="What consumers were charged, in nano-units")
    fee_nanos: int = Field(description="The marketplace's fee, in nano-units")
    net_nanos: int = Field(description="What the vendor gets: gross less fee, in nano-units")
    adjustment_id: str | None = Field(description="The adjustment that the line posts; null for other lines")


class PayoutView(Wire):
    """What a vendor earned in a period: `net` is `gross` less the marketplace's `fee`."""

    id: str = Field(description="The payout's id, `pay_…`")
    number: int = Field(description="The payout's number, counted from 1 without gaps")
    vendor_id: VendorId
    vendor: str = Field(default="", description="The vendor's short name; empty when it is not known")
    currency: CurrencyCode
    period: str = Field(description="The calendar month, UTC: 2026-11")
    issued_at: datetime = Field(description="When it was issued, UTC")
    gross_nanos: int = Field(description="What consumers were charged, in nano-units")
    fee_nanos: int = Field(description="The marketplace's fee, in nano-units")
    net_nanos: int = Field(description="What the vendor gets: gross less fee, in nano-units")


class PayoutDetail(PayoutView):
    """A payout with its lines, which sum to it."""

    lines: list[PayoutLineView] = Field(description="The payout's lines, which sum to it")


class PayoutPage(Wire):
    """In the order they were issued; ask on with `after` set to `next`."""

    items: list[PayoutView] = Field(description="The payouts of this page, in the order of issue")
    next: NextPage


class CloseRequest(Wire):
    """Issue invoices and payouts of `period`. With `until`, only what was posted before; the period stays open."""

    period: Period
    until: datetime | None = Field(
        default=None, description="Bill only what was posted before this time; the period then stays open"
    )


class CloseAnswer(Wire):
    """What was issued. `is_complete`: the period is closed; what comes later is an adjustment on the next invoice."""

    period: str = Field(description="The calendar month, UTC: 2026-11")
    is_complete: bool = Field(description="Whether the period is closed")
    invoices: list[InvoiceView] = Field(description="The invoices that were issued")
    payouts: list[PayoutView] = Field(description="The payouts that were issued")


class AccountView(Wire):
    """An account of the ledger; a positive balance is debit: the organisation owes."""

    id: str = Field(description="The account's id, such as `consumer:org_…:USD` or `revenue:USD`")
    kind: str = Field(description="Whose account: `consumer`, `vendor` or `revenue`")
    organisation_id: str | None = Field(
        description="The id of the organisation; null for the marketplace's own account"
    )
    currency: CurrencyCode
    balance_nanos: int = Field(description="Balance in nano-units; positive is debit: the organisation owes")


class TrialBalanceView(Wire):
    """Every account. `sums` by currency are zero, or the ledger is broken."""

    accounts: list[AccountView] = Field(description="Every account of the ledger")
    sums: dict[str, int] = Field(
        description="The sum of all balances by currency, in nano-units: zero, or the ledger is broken"
    )


class ReconciliationDifference(Wire):
    """Where events and ledger disagree."""

    day: date = Field(description="The day on which they disagree, UTC")
    consumer_id: ConsumerId
    vendor_id: VendorId
    service_id: ServiceId
    currency: CurrencyCode
    event_calls: int = Field(description="Calls that the usage events count")
    posted_calls: int = Field(description="Calls that the ledger's postings count")
    event_nanos: int = Field(description="The price of the usage events, in nano-units")
    posted_nanos: int = Field(description="The amount of the ledger's postings, in nano-units")


class ReconciliationTotal(Wire):
    """What a consumer owes a vendor for a service, every call priced anew; adjustments stand beside it."""

    consumer_id: ConsumerId
    vendor_id: VendorId
    service_id: ServiceId
    currency: CurrencyCode
    calls: Calls
    tokens_in: TokensIn
    tokens_out: TokensOut
    nanos: int = Field(description="The price of all calls, computed anew, in nano-units")
    adjusted_nanos: int = Field(description="Adjustments in nano-units; negative is a credit")


class DisagreementView(Wire):
    """One thing that is not what it should be.

    `kind`: `event_price`, `event_plan`, `rollup`, `journal`, `unbalanced`, `document`, `adjustment` or `counter`;
    `id` names it.
    """

    kind: str = Field(description="What disagrees")
    id: str = Field(description="The id of what disagrees: an event, a journal entry, a document or a counter")
    expected: int = Field(description="The figure that was computed anew, in the unit of what disagrees")
    found: int = Field(description="The figure that is stored, in the same unit")
    detail: str = Field(description="What disagrees, in one sentence")


class ReconciliationView(Wire):
    """A period recomputed from its events: `digest` is the same whoever computes it.

    Where all is well there are no `differences` (between events and ledger) and no `disagreements`.
    """

    since: date = Field(description="The first day, UTC")
    until: date = Field(description="The day after the last one, UTC")
    calls: Calls
    price_nanos: dict[str, int] = Field(description="The price of all calls by currency, in nano-units")
    digest: str = Field(description="SHA-256 of the totals, the same whoever computes it")
    totals: list[ReconciliationTotal] = Field(description="The totals by consumer, vendor, service and currency")
    differences: list[ReconciliationDifference] = Field(
        description="Where events and ledger disagree; empty when all is well"
    )
    disagreements: list[DisagreementView] = Field(
        description="What else is not as it should be; empty when all is well"
    )


class AdjustmentRequest(Wire):
    """Correct what was charged for one event, or on a subscription's days from `since` until before `until`.

    In whole units of what was used, priced as the plan says, or with `nanos` in money. A `credit` gives back, and never
    more than was charged; a `charge` asks for more (operators, for one event). `reference` is yours: with the same one
    the same adjustment is posted once, however often it is sent.
    """

    reference: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        description="Your own name for it, 1 to 100 characters; repeating it posts nothing twice"
    )
    direction: Literal["credit", "charge"] = Field(
        default="credit", description="`credit` gives back, `charge` asks for more"
    )
    reason: Annotated[str, Field(min_length=3, max_length=500)] = Field(
        description="Why, 3 to 500 characters; the other party reads it"
    )
    event_id: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="The usage event to correct, `use_…`; or name a subscription and its days"
    )
    subscription_id: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="The subscription to correct, `sub_…`, together with `since` and `until`"
    )
    since: date | None = Field(default=None, description="The first day to correct, UTC")
    until: date | None = Field(default=None, description="The day after the last one to correct, UTC")
    requests: Count = Field(default=0, description="Calls to correct")
    tokens_in: Count = Field(default=0, description="Input tokens to correct")
    tokens_out: Count = Field(default=0, description="Output tokens to correct")
    nanos: Nanos | None = Field(
        default=None, description="The amount in nano-units, instead of units priced by the plan"
    )

    @model_validator(mode="after")
    def _names_one_thing(self) -> "AdjustmentRequest":
        period = (self.subscription_id, self.since, self.until)
        if self.event_id is not None and period != (None, None, None):
            raise ValueError("name one event, or a subscription with its days, not both")
        if self.event_id is None and None in period:
            raise ValueError("name one event, or a subscription with `since` and `until`")
        return self


class AdjustmentView(Wire):
    """A posted correction. Units and money are negative in a credit; `fee_nanos` is the marketplace's part of it."""

    id: str = Field(description="The adjustment's id, `adj_…`")
    at: datetime = Field(description="When it was posted, UTC")
    reference: str = Field(description="The name that its author gave it")
    reason: str = Field(description="Why it was posted")
    event_id: str | None = Field(description="The usage event that it corrects; null where it corrects days")
    consumer_id: ConsumerId
    vendor_id: VendorId
    service_id: ServiceId
    subscription_id: SubscriptionId
    plan_id: PlanId
    currency: CurrencyCode
    since: date = Field(description="The first day that it corrects, UTC")
    until: date = Field(description="The day after the last one that it corrects, UTC")
    requests: int = Field(description="Calls; negative in a credit")
    tokens_in: int = Field(description="Input tokens; negative in a credit")
    tokens_out: int = Field(description="Output tokens; negative in a credit")
    nanos: int = Field(description="The amount in nano-units; negative in a credit")
    fee_nanos: int = Field(description="The marketplace's part of the amount, in nano-units")


class AdjustmentPage(Wire):
    """In the order they were posted; ask on with `after` set to `next`."""

    items: list[AdjustmentView] = Field(description="The adjustments of this page, in the order of posting")
    next: NextPage
