"""The ledger, invoices and payouts. Nothing here is ever changed or deleted: triggers of the database refuse it."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, Identity, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class Account(Base):
    """Where money stands: what a consumer owes, what a vendor is owed, what the marketplace earned; in one currency.

    `id` is `consumer:org_…:USD`, `vendor:org_…:USD` or `revenue:USD`.
    """

    __tablename__ = "accounts"
    __table_args__ = (CheckConstraint("kind in ('consumer', 'vendor', 'revenue')", name="kind"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey("organisations.id"), index=True)
    currency: Mapped[str]


class Journal(Base):
    """Why postings were made: a `usage` batch, the `monthly` fee of a subscription, or an `adjustment`.

    Once for each `reference`.
    """

    __tablename__ = "journals"
    __table_args__ = (
        UniqueConstraint("kind", "reference"),
        CheckConstraint("kind in ('usage', 'monthly', 'adjustment')", name="kind"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    reference: Mapped[str]
    at: Mapped[datetime]
    take_rate_bp: Mapped[int]
    """The marketplace's share in this journal, in basis points."""


class Posting(Base):
    """A line of the ledger: positive is debit.

    A journal's lines are written in one statement and sum to zero. `item` is what it is for: `usage`, `monthly`,
    `adjustment`, or `fee`, the marketplace's share. `day` is when it was used, UTC.
    """

    __tablename__ = "postings"
    __table_args__ = (
        CheckConstraint("item in ('usage', 'monthly', 'adjustment', 'fee')", name="item"),
        Index("ix_postings_account_id_day", "account_id", "day"),
        Index("ix_postings_journal_id", "journal_id"),
    )

    number: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    journal_id: Mapped[str] = mapped_column(ForeignKey("journals.id"))
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id"))
    item: Mapped[str]
    amount_nanos: Mapped[int]
    service_id: Mapped[str]
    subscription_id: Mapped[str]
    plan_id: Mapped[str]
    day: Mapped[date] = mapped_column(Date)
    calls: Mapped[int]
    tokens_in: Mapped[int]
    tokens_out: Mapped[int]
    included: Mapped[int]


class Adjustment(Base):
    """A correction of what was charged for one event, or on the days from `since` until before `until`.

    The event itself stays as it is. `calls`, tokens, `nanos` and the marketplace's `fee_nanos` are what changes: all
    negative in a credit, positive in a charge. `organisation_id` posted it, once for each `reference` of its own.
    """

    __tablename__ = "adjustments"
    __table_args__ = (
        UniqueConstraint("organisation_id", "reference"),
        Index("ix_adjustments_subscription_id", "subscription_id", "since"),
        Index("ix_adjustments_consumer_id", "consumer_id", "id"),
        Index("ix_adjustments_vendor_id", "vendor_id", "id"),
        Index("ix_adjustments_event_id", "event_id"),
        CheckConstraint("since < until", name="days"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    posted_by: Mapped[str]
    at: Mapped[datetime]
    reference: Mapped[str]
    reason: Mapped[str]
    event_id: Mapped[str | None]
    consumer_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    vendor_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    service_id: Mapped[str]
    subscription_id: Mapped[str]
    plan_id: Mapped[str]
    currency: Mapped[str]
    since: Mapped[date] = mapped_column(Date)
    until: Mapped[date] = mapped_column(Date)
    calls: Mapped[int]
    tokens_in: Mapped[int]
    tokens_out: Mapped[int]
    nanos: Mapped[int]
    fee_nanos: Mapped[int]


class ClosedPeriod(Base):
    """A month whose invoices are issued. What arrives for it later is an adjustment on the next invoice."""

    __tablename__ = "closed_periods"

    period: Mapped[str] = mapped_column(primary_key=True)
    closed_at: Mapped[datetime]
    closed_by: Mapped[str]


class Invoice(Base):
    """What a consumer owes for a period, in one currency."""

    __tablename__ = "invoices"
    __table_args__ = (Index("ix_invoices_consumer_id", "consumer_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    consumer_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    currency: Mapped[str]
    period: Mapped[str]
    issued_at: Mapped[datetime]
    total_nanos: Mapped[int]


class InvoiceLine(Base):
    """A subscription's use in one month, its monthly fee, or one adjustment, which `adjustment_id` names.

    `is_adjustment`: an adjustment, or of a month invoiced before.
    """

    __tablename__ = "invoice_lines"

    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    item: Mapped[str]
    month: Mapped[str]
    is_adjustment: Mapped[bool]
    service_id: Mapped[str]
    plan_id: Mapped[str]
    subscription_id: Mapped[str]
    calls: Mapped[int]
    tokens_in: Mapped[int]
    tokens_out: Mapped[int]
    included: Mapped[int]
    amount_nanos: Mapped[int]
    adjustment_id: Mapped[str | None]


class InvoicedPosting(Base):
    """Which invoice a posting stands on; at most one."""

    __tablename__ = "invoiced_postings"

    posting: Mapped[int] = mapped_column(ForeignKey("postings.number"), primary_key=True, autoincrement=False)
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)


class Payout(Base):
    """What a vendor earned in a period, in one currency: `net` is `gross` less the marketplace's `fee`."""

    __tablename__ = "payouts"
    __table_args__ = (
        Index("ix_payouts_vendor_id", "vendor_id", "id"),
        CheckConstraint("net_nanos = gross_nanos - fee_nanos", name="net"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    vendor_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    currency: Mapped[str]
    period: Mapped[str]
    issued_at: Mapped[datetime]
    gross_nanos: Mapped[int]
    fee_nanos: Mapped[int]
    net_nanos: Mapped[int]


class PayoutLine(Base):
    """A service's part of a payout in one month, or one adjustment, which `adjustment_id` names."""

    __tablename__ = "payout_lines"

    payout_id: Mapped[str] = mapped_column(ForeignKey("payouts.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    month: Mapped[str]
    is_adjustment: Mapped[bool]
    service_id: Mapped[str]
    calls: Mapped[int]
    gross_nanos: Mapped[int]
    fee_nanos: Mapped[int]
    net_nanos: Mapped[int]
    adjustment_id: Mapped[str | None]


class PaidPosting(Base):
    """Which payout a posting stands on; at most one."""

    __tablename__ = "paid_postings"

    posting: Mapped[int] = mapped_column(ForeignKey("postings.number"), primary_key=True, autoincrement=False)
    payout_id: Mapped[str] = mapped_column(ForeignKey("payouts.id"), index=True)
