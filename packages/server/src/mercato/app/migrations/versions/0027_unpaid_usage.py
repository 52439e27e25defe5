"""What services used beyond a call's limits, claims that cannot be true, and reviews of services with many of them."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0025"
branch_labels = None
depends_on = None

_ADDED = ("unpaid_tokens_in", "unpaid_tokens_out", "unpaid_nanos")
_PERHAPS = ("claimed_tokens_in", "claimed_tokens_out")
_WORDS = ("ended_by", "doubt")


def upgrade() -> None:
    for name in _ADDED:
        op.add_column("usage_events", sa.Column(name, sa.BigInteger, server_default="0", nullable=False))
    for name in _PERHAPS:
        op.add_column("usage_events", sa.Column(name, sa.BigInteger))
    for name in _WORDS:
        op.add_column("usage_events", sa.Column(name, sa.Text))
    op.create_table(
        "doubted_calls",
        sa.Column("service_id", sa.Text, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("service_id", "day", "reason", name="pk_doubted_calls"),
    )
    op.create_index("ix_doubted_calls_day", "doubted_calls", ["day"])
    op.create_table(
        "dispute_reviews",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("service_id", sa.Text, sa.ForeignKey("services.id"), nullable=False),
        sa.Column("vendor_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("decided_by", sa.Text),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("verdict in ('clear', 'hold')", name="verdict"),
    )
    op.create_index(
        "uq_dispute_reviews_open", "dispute_reviews", ["service_id"], unique=True,
        postgresql_where=sa.text("decided_at IS NULL"),
    )  # fmt: skip
    op.create_index("ix_dispute_reviews_vendor_id", "dispute_reviews", ["vendor_id", "id"])


def downgrade() -> None:
    op.drop_table("dispute_reviews")
    op.drop_table("doubted_calls")
    for name in (*_ADDED, *_PERHAPS, *_WORDS):
        op.drop_column("usage_events", name)
