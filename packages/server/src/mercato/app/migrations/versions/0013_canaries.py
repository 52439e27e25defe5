"""Canaries: new releases on a share of the calls."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "canaries",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("service_id", sa.Text, sa.ForeignKey("services.id"), nullable=False),
        sa.Column("release_id", sa.Text, sa.ForeignKey("releases.id"), nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("percent", sa.BigInteger, nullable=False),
        sa.Column("min_calls", sa.BigInteger, nullable=False),
        sa.Column("min_minutes", sa.BigInteger, nullable=False),
        sa.Column("max_error_points", sa.BigInteger, nullable=False),
        sa.Column("max_p95_percent", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("figures", JSONB, nullable=False),
        sa.Column("started_by", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.Text, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state in ('running', 'promoted', 'rolled_back', 'aborted', 'superseded')", name="state"),
        sa.CheckConstraint("percent between 1 and 99", name="percent"),
        sa.CheckConstraint("(state = 'running') = (ended_at is null)", name="ended"),
    )
    op.create_index("ix_canaries_service_id", "canaries", ["service_id", "id"])
    op.create_index(
        "uq_canaries_running", "canaries", ["service_id"], unique=True, postgresql_where=sa.text("state = 'running'")
    )


def downgrade() -> None:
    op.drop_table("canaries")
