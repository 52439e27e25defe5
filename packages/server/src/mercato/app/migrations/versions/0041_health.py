"""The health of the marketplace's own services."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0038"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "health_services",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("probed_by", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", _TIME, nullable=False),
        sa.Column("probed_at", _TIME, nullable=False),
        sa.Column("recent", sa.SmallInteger, nullable=False),
        sa.Column("latency_ms", sa.BigInteger),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
    )
    op.create_table(
        "health_gauges",
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("service", "name"),
    )
    op.create_table(
        "health_quarters",
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("start", _TIME, nullable=False),
        sa.Column("probes", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("latency_ms", sa.BigInteger, nullable=False),
        sa.Column("latency_max_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("service", "start"),
    )
    op.create_index("ix_health_quarters_start", "health_quarters", ["start"])
    op.create_table(
        "health_changes",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
    )
    op.create_index("ix_health_changes_at", "health_changes", ["at"])
    op.create_table(
        "health_probers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("at", _TIME, nullable=False),
    )


def downgrade() -> None:
    for table in ("health_probers", "health_changes", "health_quarters", "health_gauges", "health_services"):
        op.drop_table(table)
