"""Deployments that say by themselves that they live."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "deployment_links",
        sa.Column("deployment_id", sa.Text, sa.ForeignKey("deployments.id"), primary_key=True),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False, index=True),
        sa.Column("public_key", sa.Text, nullable=False),
        sa.Column("interval_seconds", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("heard_at", _TIME),
        sa.Column("figures", JSONB, nullable=False),
        sa.Column("linked_at", _TIME, nullable=False),
        sa.CheckConstraint("state in ('linked', 'live', 'stale')", name="state"),
        sa.CheckConstraint("interval_seconds between 1 and 3600", name="interval"),
    )
    op.create_index("ix_deployment_links_due_at", "deployment_links", ["due_at"])


def downgrade() -> None:
    op.drop_table("deployment_links")
