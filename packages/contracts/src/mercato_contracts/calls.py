"""Single calls under `/api/usage/calls`: the newest first, by any filter, and one with all that explains it."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from mercato_contracts.disputes import CallDisputeView
from mercato_contracts.fields import (
    Calls,
    CurrencyCode,
    NextPage,
    PlanId,
    ServiceId,
    SubscriptionId,
    TokensIn,
    TokensOut,
    VendorSlug,
)
from mercato_contracts.metering import EventAdjustmentView, UsageEventView, UsageSide
from mercato_contracts.wire import Wire


class CallView(UsageEventView):
    """A metered call, with the names that people know its ids by; `key` is empty for a vendor, as `key_id` is."""

    consumer: str = Field(description="The consumer's short name")
    vendor: VendorSlug
    service: str = Field(description="The service, `vendor/name`")
    version: str = Field(description="The release that answered, such as `1.4.0`")
    key: str = Field(description="The name of the key; empty for a vendor")


class CallPage(Wire):
    """The newest first; ask on with `after` set to `next` and the same filters.

    With filters that few calls match, a page may be short or empty and yet have a `next`: one page looks through a
    bounded number of calls.
    """

    items: list[CallView] = Field(description="The calls of this page, newest first")
    next: NextPage


class PriceLineView(Wire):
    """A part of the price: `units` at `unit_nanos` each, of tokens a thousand; `covered` units were the plan's own."""

    item: Literal["call", "input_tokens", "output_tokens"] = Field(description="What is priced")
    units: int = Field(description="How many: calls or tokens")
    covered: int = Field(description="How many of them the plan included, at no price")
    unit_nanos: int = Field(description="The price of one call, or of a thousand tokens, in nano-units")
    nanos: int = Field(description="The amount of this line in nano-units")


class SliceView(Wire):
    """What the call spent of a limit: `scope` is its whole name, absent once the slice is forgotten."""

    lease: str = Field(description="The id of the lease that it was taken from, `lse_…`")
    units: int = Field(description="Units spent: calls, tokens or nano-units, as the limit counts")
    scope: str | None = Field(description="The limit's name; null once the slice is forgotten")
    window_start: datetime | None = Field(
        description="When the limit's window began, UTC; null once the slice is forgotten"
    )


class EntryView(Wire):
    """A posting: positive is debit. `document_id` is the invoice or payout that it stands on, none while unbilled."""

    number: int = Field(description="The posting's number in the ledger, ascending")
    day: date = Field(description="The day of the usage, UTC")
    posted_at: datetime = Field(description="When it was posted, UTC")
    account_id: str = Field(description="The account that it is posted to")
    organisation_id: str | None = Field(
        description="The id of the account's organisation; null for the marketplace's own account"
    )
    organisation: str = Field(description="The short name of that organisation; empty for the marketplace")
    currency: CurrencyCode
    journal_id: str = Field(description="The journal entry that it belongs to, `jrn_…`; its postings sum to zero")
    kind: Literal["usage", "monthly", "adjustment"] = Field(description="What was posted")
    reference: str = Field(description="What it was posted for; each is posted once")
    item: Literal["usage", "monthly", "adjustment", "fee"] = Field(
        description="What the amount is: the charge itself, or the marketplace's fee"
    )
    service_id: ServiceId
    service: str = Field(description="The service, `vendor/name`")
    subscription_id: SubscriptionId
    plan_id: PlanId
    plan: str = Field(description="The plan's name")
    calls: Calls
    tokens_in: TokensIn
    tokens_out: TokensOut
    included: int = Field(description="Units that the plan covered: calls or tokens")
    amount_nanos: int = Field(description="The amount in nano-units; positive is debit")
    document_id: str | None = Field(description="The invoice or payout that it stands on; null while unbilled")
    document_number: int | None = Field(description="The number of that document; null while unbilled")


class CallExplanation(Wire):
    """A call and what explains it.

    `asked_service` is what the call had named where a fallback answered. `is_owed` is false where an answer of this
    status costs nothing; `lines` sum to the price. `spent` is absent where it was not kept, and for vendors. `entries`
    are those of the batch that the call came with, of its subscription and day, and of its adjustments, in your own
    accounts: the ledger adds up what comes together. `stands_at_nanos` is the price with all adjustments.
    """

    side: UsageSide = Field(description="From whose side it is shown")
    call: CallView = Field(description="The call")
    asked_service: str | None = Field(
        description="The service that the call had named, where a fallback answered; else null"
    )
    plan: str = Field(description="The plan's name")
    is_owed: bool = Field(description="Whether a call with this status is charged")
    lines: list[PriceLineView] = Field(description="How the price is made up")
    spent: list[SliceView] | None = Field(
        description="What the call spent of each limit; null for vendors, and where it was not kept"
    )
    adjustments: list[EventAdjustmentView] = Field(description="Corrections of this call")
    stands_at_nanos: int = Field(description="The price with all adjustments, in nano-units")
    entries: list[EntryView] = Field(description="The ledger's postings that contain it, in your own accounts")
    dispute: CallDisputeView | None = Field(default=None, description="The call's newest dispute; null: none")
    disputable_until: datetime | None = Field(
        default=None,
        description="Until when your organisation may dispute the charge, UTC; null where it may not or no longer",
    )
