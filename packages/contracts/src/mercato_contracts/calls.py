"""Single calls under `/api/usage/calls`: the newest first, by any filter, and one with all that explains it."""

from datetime import date, datetime
from typing import Literal

from mercato_contracts.metering import EventAdjustmentView, UsageEventView, UsageSide
from mercato_contracts.wire import Wire


class CallView(UsageEventView):
    """A metered call, with the names that people know its ids by; `key` is empty for a vendor, as `key_id` is."""

    consumer: str
    vendor: str
    service: str
    version: str
    key: str


class CallPage(Wire):
    """The newest first; ask on with `after` set to `next` and the same filters.

    With filters that few calls match, a page may be short or empty and yet have a `next`: one page looks through a
    bounded number of calls.
    """

    items: list[CallView]
    next: str | None


class PriceLineView(Wire):
    """A part of the price: `units` at `unit_nanos` each, of tokens a thousand; `covered` units were the plan's own."""

    item: Literal["call", "input_tokens", "output_tokens"]
    units: int
    covered: int
    unit_nanos: int
    nanos: int


class SliceView(Wire):
    """What the call spent of a limit: `scope` is its whole name, absent once the slice is forgotten."""

    lease: str
    units: int
    scope: str | None
    window_start: datetime | None


class EntryView(Wire):
    """A posting: positive is debit. `document_id` is the invoice or payout that it stands on, none while unbilled."""

    number: int
    day: date
    posted_at: datetime
    account_id: str
    organisation_id: str | None
    organisation: str
    currency: str
    journal_id: str
    kind: Literal["usage", "monthly", "adjustment"]
    reference: str
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
    document_id: str | None
    document_number: int | None


class CallExplanation(Wire):
    """A call and what explains it.

    `asked_service` is what the call had named where a fallback answered. `is_owed` is false where an answer of this
    status costs nothing; `lines` sum to the price. `spent` is absent where it was not kept, and for vendors. `entries`
    are those of the batch that the call came with, of its subscription and day, and of its adjustments, in your own
    accounts: the ledger adds up what comes together. `stands_at_nanos` is the price with all adjustments.
    """

    side: UsageSide
    call: CallView
    asked_service: str | None
    plan: str
    is_owed: bool
    lines: list[PriceLineView]
    spent: list[SliceView] | None
    adjustments: list[EventAdjustmentView]
    stands_at_nanos: int
    entries: list[EntryView]
