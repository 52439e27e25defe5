"""What billing receives and answers under `/api`. Money is in whole nano-units, never rounded."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from mercato_contracts.wire import Count, Nanos, Wire

Period = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$", description="A calendar month, UTC: 2026-11")]


class InvoiceLineView(Wire):
    """`usage` of a subscription in a month, its `monthly` fee, or one `adjustment`, which `adjustment_id` names.

    `is_adjustment`: an adjustment, or of a month invoiced before.
    """

    item: str
    month: str
    is_adjustment: bool
    service_id: str
    service: str = ""
    plan_id: str
    plan: str = ""
    subscription_id: str
    calls: int
    tokens_in: int
    tokens_out: int
    included: int
    amount_nanos: int
    adjustment_id: str | None


class InvoiceView(Wire):
    """What a consumer owes for a period."""

    id: str
    number: int
    consumer_id: str
    consumer: str = ""
    currency: str
    period: str
    issued_at: datetime
    total_nanos: int


class InvoiceDetail(InvoiceView):
    """An invoice with its lines, whose amounts sum to its total."""

    lines: list[InvoiceLineView]


class InvoicePage(Wire):
    """In the order they were issued; ask on with `after` set to `next`."""

    items: list[InvoiceView]
    next: str | None


class PayoutLineView(Wire):
    """A service's part in one month, or one adjustment, which `adjustment_id` names."""

    month: str
    is_adjustment: bool
    service_id: str
    service: str = ""
    calls: int
    gross_nanos: int
    fee_nanos: int
    net_nanos: int
    adjustment_id: str | None


class PayoutView(Wire):
    """What a vendor earned in a period: `net` is `gross` less the marketplace's `fee`."""

    id: str
    number: int
    vendor_id: str
    vendor: str = ""
    currency: str
    period: str
    issued_at: datetime
    gross_nanos: int
    fee_nanos: int
    net_nanos: int


class PayoutDetail(PayoutView):
    """A payout with its lines, which sum to it."""

    lines: list[PayoutLineView]


class PayoutPage(Wire):
    """In the order they were issued; ask on with `after` set to `next`."""

    items: list[PayoutView]
    next: str | None


class CloseRequest(Wire):
    """Issue invoices and payouts of `period`. With `until`, only what was posted before; the period stays open."""

    period: Period
    until: datetime | None = None


class CloseAnswer(Wire):
    """What was issued. `is_complete`: the period is closed; what comes later is an adjustment on the next invoice."""

    period: str
    is_complete: bool
    invoices: list[InvoiceView]
    payouts: list[PayoutView]


class AccountView(Wire):
    """An account of the ledger; a positive balance is debit: the organisation owes."""

    id: str
    kind: str
    organisation_id: str | None
    currency: str
    balance_nanos: int


class TrialBalanceView(Wire):
    """Every account. `sums` by currency are zero, or the ledger is broken."""

    accounts: list[AccountView]
    sums: dict[str, int]


class ReconciliationDifference(Wire):
    """Where events and ledger disagree."""

    day: date
    consumer_id: str
    vendor_id: str
    service_id: str
    currency: str
    event_calls: int
    posted_calls: int
    event_nanos: int
    posted_nanos: int


class ReconciliationTotal(Wire):
    """What a consumer owes a vendor for a service, every call priced anew; adjustments stand beside it."""

    consumer_id: str
    vendor_id: str
    service_id: str
    currency: str
    calls: int
    tokens_in: int
    tokens_out: int
    nanos: int
    adjusted_nanos: int


class DisagreementView(Wire):
    """One thing that is not what it should be.

    `kind`: `event_price`, `event_plan`, `rollup`, `journal`, `unbalanced`, `document`, `adjustment` or `counter`;
    `id` names it.
    """

    kind: str
    id: str
    expected: int
    found: int
    detail: str


class ReconciliationView(Wire):
    """A period recomputed from its events: `digest` is the same whoever computes it.

    Where all is well there are no `differences` (between events and ledger) and no `disagreements`.
    """

    since: date
    until: date
    calls: int
    price_nanos: dict[str, int]
    digest: str
    totals: list[ReconciliationTotal]
    differences: list[ReconciliationDifference]
    disagreements: list[DisagreementView]


class AdjustmentRequest(Wire):
    """Correct what was charged for one event, or on a subscription's days from `since` until before `until`.

    In whole units of what was used, priced as the plan says, or with `nanos` in money. A `credit` gives back, and never
    more than was charged; a `charge` asks for more (operators, for one event). `reference` is yours: with the same one
    the same adjustment is posted once, however often it is sent.
    """

    reference: Annotated[str, Field(min_length=1, max_length=100)]
    direction: Literal["credit", "charge"] = "credit"
    reason: Annotated[str, Field(min_length=3, max_length=500)]
    event_id: Annotated[str, Field(max_length=64)] | None = None
    subscription_id: Annotated[str, Field(max_length=64)] | None = None
    since: date | None = None
    until: date | None = None
    requests: Count = 0
    tokens_in: Count = 0
    tokens_out: Count = 0
    nanos: Nanos | None = None

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

    id: str
    at: datetime
    reference: str
    reason: str
    event_id: str | None
    consumer_id: str
    vendor_id: str
    service_id: str
    subscription_id: str
    plan_id: str
    currency: str
    since: date
    until: date
    requests: int
    tokens_in: int
    tokens_out: int
    nanos: int
    fee_nanos: int


class AdjustmentPage(Wire):
    """In the order they were posted; ask on with `after` set to `next`."""

    items: list[AdjustmentView]
    next: str | None
