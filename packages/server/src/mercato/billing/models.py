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
    """Why postings were made: a `usage` batch, or the `monthly` fee of a subscription. Once for each `reference`."""

    __tablename__ = "journals"
    __table_args__ = (
        UniqueConstraint("kind", "reference"),
        CheckConstraint("kind in ('usage', 'monthly')", name="kind"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    reference: Mapped[str]
    at: Mapped[datetime]
    take_rate_bp: Mapped[int]
    """The marketplace's share in this journal, in basis points."""


class Posting(Base):
    """A line of the ledger: positive is debit. Those of a journal come in one statement and sum to zero.

    `item` says what for: `usage`, `monthly`, or `fee`, the marketplace's share. `day` is when it was used, UTC.
    """

    __tablename__ = "postings"
    __table_args__ = (
        CheckConstraint("item in ('usage', 'monthly', 'fee')", name="item"),
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
    """A subscription's use in one month, or its monthly fee. `is_adjustment`: of a month invoiced before."""

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
    """A service's part of a payout in one month."""

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


class PaidPosting(Base):
    """Which payout a posting stands on; at most one."""

    __tablename__ = "paid_postings"

    posting: Mapped[int] = mapped_column(ForeignKey("postings.number"), primary_key=True, autoincrement=False)
    payout_id: Mapped[str] = mapped_column(ForeignKey("payouts.id"), index=True)
