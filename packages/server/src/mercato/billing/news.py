"""The news of billing."""

from dataclasses import dataclass
from typing import Literal

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class PeriodClosed(News):
    """Invoices and payouts were issued for a month, or for as much of it as has passed."""

    topic = "billing.closed"

    period: str
    """The month, such as `2026-11`."""


@dataclass(frozen=True, kw_only=True)
class ChargeAdjusted(News):
    """A charge was corrected."""

    topic = "billing.adjusted"

    adjustment_id: str
    """The adjustment."""
    consumer_id: str
    """The organisation that was charged."""
    vendor_id: str
    """The organisation that is paid."""
    nanos: int
    """What is added to the charge, in nano-units of the currency; a credit is negative."""
    currency: str
    """The currency's code, such as `USD`."""


@dataclass(frozen=True, kw_only=True)
class CallDisputed(News):
    """A consumer disputes what one of its calls was charged."""

    topic = "dispute.opened"

    dispute_id: str
    """The dispute."""
    call_id: str
    """The call's usage event."""
    consumer_id: str
    """The organisation that disputes the charge."""
    vendor_id: str
    """The organisation whose service was called."""
    kind: str
    """What is wrong with the charge, as the consumer sees it."""
    nanos: int
    """What the call stood at then, in nano-units of the currency."""
    currency: str
    """The currency's code, such as `USD`."""


@dataclass(frozen=True, kw_only=True)
class DisputeAnswered(News):
    """The vendor answered a dispute, which stays open."""

    topic = "dispute.answered"

    dispute_id: str
    """The dispute."""
    call_id: str
    """The call's usage event."""
    consumer_id: str
    """The organisation that disputes the charge."""
    vendor_id: str
    """The organisation that answered."""


@dataclass(frozen=True, kw_only=True)
class DisputeClosed(News):
    """A dispute ended: the charge was given back or stays."""

    topic = "dispute.closed"

    dispute_id: str
    """The dispute."""
    call_id: str
    """The call's usage event."""
    consumer_id: str
    """The organisation that disputed the charge."""
    vendor_id: str
    """The organisation whose service was called."""
    state: Literal["agreed", "upheld", "rejected", "withdrawn"]
    """How it ended: by the vendor, by an operator either way, or by the consumer."""
    returned_nanos: int
    """What was given back, in nano-units of the currency."""
    currency: str
    """The currency's code, such as `USD`."""
    adjustment_id: str | None
    """The adjustment that gave it back."""
    reason: str
    """Why, where an operator decided."""
