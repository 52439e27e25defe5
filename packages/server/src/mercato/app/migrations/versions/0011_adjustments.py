"""Adjustments of what was charged, and where documents name them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _organisation(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, sa.ForeignKey("organisations.id"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "adjustments",
        sa.Column("id", sa.Text, primary_key=True),
        _organisation("organisation_id"),
        *_texts("posted_by"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        *_texts("reference", "reason"),
        sa.Column("event_id", sa.Text),
        _organisation("consumer_id"),
        _organisation("vendor_id"),
        *_texts("service_id", "subscription_id", "plan_id", "currency"),
        sa.Column("since", sa.Date, nullable=False),
        sa.Column("until", sa.Date, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("calls", "tokens_in", "tokens_out", "nanos", "fee_nanos")
        ),
        sa.UniqueConstraint("organisation_id", "reference"),
        sa.CheckConstraint("since < until", name="days"),
    )
    op.create_index("ix_adjustments_subscription_id", "adjustments", ["subscription_id", "since"])
    op.create_index("ix_adjustments_consumer_id", "adjustments", ["consumer_id", "id"])
    op.create_index("ix_adjustments_vendor_id", "adjustments", ["vendor_id", "id"])
    op.create_index("ix_adjustments_event_id", "adjustments", ["event_id"])
    op.execute(
        "CREATE TRIGGER adjustments_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON adjustments"
        " FOR EACH STATEMENT EXECUTE FUNCTION billing_stays()"
    )
    op.add_column("invoice_lines", sa.Column("adjustment_id", sa.Text))
    op.add_column("payout_lines", sa.Column("adjustment_id", sa.Text))
    _kinds("'usage', 'monthly', 'adjustment'", "'usage', 'monthly', 'adjustment', 'fee'")


def downgrade() -> None:
    _kinds("'usage', 'monthly'", "'usage', 'monthly', 'fee'")
    op.drop_column("payout_lines", "adjustment_id")
    op.drop_column("invoice_lines", "adjustment_id")
    op.drop_table("adjustments")


def _kinds(journals: str, postings: str) -> None:
    op.drop_constraint(op.f("ck_journals_kind"), "journals")
    op.create_check_constraint(op.f("ck_journals_kind"), "journals", f"kind in ({journals})")
    op.drop_constraint(op.f("ck_postings_item"), "postings")
    op.create_check_constraint(op.f("ck_postings_item"), "postings", f"item in ({postings})")
