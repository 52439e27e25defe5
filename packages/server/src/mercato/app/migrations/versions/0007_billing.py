"""The tables of billing. Triggers refuse a change of what is written, and postings that do not balance."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_WRITTEN_ONCE = (
    "journals",
    "postings",
    "closed_periods",
    "invoices",
    "invoice_lines",
    "invoiced_postings",
    "payouts",
    "payout_lines",
    "paid_postings",
)
_REFUSE_CHANGE = """
CREATE FUNCTION billing_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is written once: post an adjustment instead', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""
_BALANCE = """
CREATE FUNCTION postings_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM added JOIN accounts ON accounts.id = added.account_id
        GROUP BY added.journal_id, accounts.currency HAVING sum(added.amount_nanos) <> 0
    ) THEN
        RAISE EXCEPTION 'the postings of a journal sum to zero in each currency' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    _ledger()
    _documents()
    op.execute(_REFUSE_CHANGE)
    for table in _WRITTEN_ONCE:
        op.execute(
            f"CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION billing_stays()"
        )
    # Rows, not statements: only row triggers reach the partitions. Whole months are dropped, never edited.
    op.execute(
        "CREATE TRIGGER usage_events_stay BEFORE UPDATE OR DELETE ON usage_events"
        " FOR EACH ROW EXECUTE FUNCTION billing_stays()"
    )
    op.execute(_BALANCE)
    op.execute(
        "CREATE TRIGGER postings_balance AFTER INSERT ON postings REFERENCING NEW TABLE AS added"
        " FOR EACH STATEMENT EXECUTE FUNCTION postings_balance()"
    )


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def _ledger() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text, primary_key=True),
        *_texts("kind"),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), index=True),
        *_texts("currency"),
        sa.CheckConstraint("kind in ('consumer', 'vendor', 'revenue')", name="kind"),
    )
    op.create_table(
        "journals",
        sa.Column("id", sa.Text, primary_key=True),
        *_texts("kind", "reference"),
        sa.Column("at", _TIME, nullable=False),
        *_counts("take_rate_bp"),
        sa.UniqueConstraint("kind", "reference"),
        sa.CheckConstraint("kind in ('usage', 'monthly')", name="kind"),
    )
    op.create_table(
        "postings",
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("journal_id", sa.Text, sa.ForeignKey("journals.id"), nullable=False),
        sa.Column("account_id", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
        *_texts("item"),
        *_counts("amount_nanos"),
        *_texts("service_id", "subscription_id", "plan_id"),
        sa.Column("day", sa.Date, nullable=False),
        *_counts("calls", "tokens_in", "tokens_out", "included"),
        sa.CheckConstraint("item in ('usage', 'monthly', 'fee')", name="item"),
    )
    op.create_index("ix_postings_account_id_day", "postings", ["account_id", "day"])
    op.create_index("ix_postings_journal_id", "postings", ["journal_id"])


def _documents() -> None:
    op.create_table(
        "closed_periods",
        sa.Column("period", sa.Text, primary_key=True),
        sa.Column("closed_at", _TIME, nullable=False),
        *_texts("closed_by"),
    )
    op.create_table(
        "invoices",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False, unique=True),
        sa.Column("consumer_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        *_texts("currency", "period"),
        sa.Column("issued_at", _TIME, nullable=False),
        *_counts("total_nanos"),
    )
    op.create_index("ix_invoices_consumer_id", "invoices", ["consumer_id", "id"])
    op.create_table(
        "invoice_lines",
        sa.Column("invoice_id", sa.Text, sa.ForeignKey("invoices.id"), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        *_texts("item", "month"),
        sa.Column("is_adjustment", sa.Boolean, nullable=False),
        *_texts("service_id", "plan_id", "subscription_id"),
        *_counts("calls", "tokens_in", "tokens_out", "included", "amount_nanos"),
    )
    op.create_table(
        "invoiced_postings",
        sa.Column("posting", sa.BigInteger, sa.ForeignKey("postings.number"), primary_key=True, autoincrement=False),
        sa.Column("invoice_id", sa.Text, sa.ForeignKey("invoices.id"), nullable=False, index=True),
    )
    op.create_table(
        "payouts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False, unique=True),
        sa.Column("vendor_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        *_texts("currency", "period"),
        sa.Column("issued_at", _TIME, nullable=False),
        *_counts("gross_nanos", "fee_nanos", "net_nanos"),
        sa.CheckConstraint("net_nanos = gross_nanos - fee_nanos", name="net"),
    )
    op.create_index("ix_payouts_vendor_id", "payouts", ["vendor_id", "id"])
    op.create_table(
        "payout_lines",
        sa.Column("payout_id", sa.Text, sa.ForeignKey("payouts.id"), primary_key=True),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        *_texts("month"),
        sa.Column("is_adjustment", sa.Boolean, nullable=False),
        *_texts("service_id"),
        *_counts("calls", "gross_nanos", "fee_nanos", "net_nanos"),
    )
    op.create_table(
        "paid_postings",
        sa.Column("posting", sa.BigInteger, sa.ForeignKey("postings.number"), primary_key=True, autoincrement=False),
        sa.Column("payout_id", sa.Text, sa.ForeignKey("payouts.id"), nullable=False, index=True),
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER usage_events_stay ON usage_events")
    for table in reversed(_WRITTEN_ONCE):
        op.drop_table(table)
    op.drop_table("accounts")
    op.execute("DROP FUNCTION billing_stays()")
    op.execute("DROP FUNCTION postings_balance()")
