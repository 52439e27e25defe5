"""The news of billing."""

from dataclasses import dataclass

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
