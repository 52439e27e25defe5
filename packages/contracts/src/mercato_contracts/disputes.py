"""Disputes of single calls: what a consumer objects to, what the vendor answers, how it ends."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from mercato_contracts.fields import ConsumerId, CurrencyCode, NextPage, ServiceId, VendorId, VendorSlug
from mercato_contracts.wire import Wire

DisputeKind = Literal["no_usable_answer", "wrong_count", "wrong_price", "not_our_call", "other"]
DisputeState = Literal["open", "agreed", "upheld", "rejected", "withdrawn"]
DisputeWords = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=2_000)]

_KIND = Field(
    description="What is wrong: no usable answer came, tokens or calls are counted wrong, the price is wrong, the call"
    " is not the organisation's own, or something else"
)


class DisputeRequest(Wire):
    """Why the charge of a call is disputed. The vendor and the operator read it."""

    kind: DisputeKind = _KIND
    words: DisputeWords = Field(description="What happened, 3 to 2,000 characters; the vendor and the operator read it")


class DisputeAnswerRequest(Wire):
    """The vendor's answer. Sent again while the dispute is open, it replaces the one before."""

    words: DisputeWords = Field(description="The answer, 3 to 2,000 characters; the consumer and the operator read it")
    give_back: bool = Field(
        default=False, description="Also credit all that the call is still charged, which closes the dispute"
    )


class DisputeDecision(Wire):
    """An operator's decision, which is final."""

    verdict: Literal["upheld", "rejected"] = Field(
        description="`upheld` credits all that the call is still charged; `rejected` leaves the charge"
    )
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)] = Field(
        description="Why, 3 to 500 characters; both sides read it"
    )


class DisputeView(Wire):
    """A dispute of one call. `returned_nanos` is zero where nothing was given back."""

    id: str = Field(description="The dispute's id, `dsp_…`")
    call_id: str = Field(description="The call's id, `use_…`")
    consumer_id: ConsumerId
    consumer: str = Field(description="The consumer's short name")
    vendor_id: VendorId
    vendor: VendorSlug
    service_id: ServiceId
    service: str = Field(description="The service, `vendor/name`")
    kind: DisputeKind = _KIND
    words: str = Field(description="What the consumer says happened")
    disputed_nanos: int = Field(description="What the call stood at when it was disputed, in nano-units")
    currency: CurrencyCode
    opened_at: datetime = Field(description="When it was opened, UTC")
    state: DisputeState = Field(
        description="`open`, or how it ended: the vendor `agreed`, an operator `upheld` or `rejected` it, or it was"
        " `withdrawn`"
    )
    answer: str | None = Field(description="The vendor's answer; null: none")
    answered_at: datetime | None = Field(description="When the vendor last answered, UTC")
    reason: str | None = Field(description="Why an operator decided so; null where none did")
    closed_at: datetime | None = Field(description="When it ended, UTC; null while it is open")
    returned_nanos: int = Field(description="What was given back, in nano-units")
    adjustment_id: str | None = Field(description="The adjustment that gave it back, `adj_…`; null: none did")


class DisputePage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[DisputeView] = Field(description="The disputes of this page, newest first")
    next: NextPage


class CallDisputeView(Wire):
    """The newest dispute of a call."""

    id: str = Field(description="The dispute's id, `dsp_…`")
    state: DisputeState = Field(description="`open`, or how it ended")
