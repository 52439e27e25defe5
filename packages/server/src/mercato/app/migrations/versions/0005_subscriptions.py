"""The tables of subscriptions."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("consumer_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("vendor_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("service_id", sa.Text, sa.ForeignKey("services.id"), nullable=False),
        sa.Column("plan_id", sa.Text, sa.ForeignKey("plans.id"), nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("active_since", _TIME, nullable=False),
        sa.Column("cancelled_at", _TIME),
        sa.CheckConstraint("status in ('active', 'cancelled')", name="status"),
    )
    op.create_index("uq_subscriptions_consumer_id_plan_id", "subscriptions", ["consumer_id", "plan_id"], unique=True)
    op.create_index(
        "uq_subscriptions_active",
        "subscriptions",
        ["consumer_id", "service_id"],
        unique=True,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index("ix_subscriptions_service_id", "subscriptions", ["service_id"])


def downgrade() -> None:
    op.drop_table("subscriptions")
