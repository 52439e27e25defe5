"""The tables of metering. Partitions of `usage_events` are made by the code, a month at a time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _counts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]


def upgrade() -> None:
    _usage()
    _counted()
    op.create_table(
        "budgets",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False, index=True),
        sa.Column("key_id", sa.Text, sa.ForeignKey("keys.id")),
        *_texts("unit", "window"),
        sa.Column("cap", sa.BigInteger, nullable=False),
        *_texts("set_by"),
        sa.Column("set_at", _TIME, nullable=False),
        sa.CheckConstraint("unit in ('nanos', 'requests', 'tokens')", name="unit"),
        sa.CheckConstraint("\"window\" in ('minute', 'day', 'month')", name="window"),
        sa.CheckConstraint("cap >= 0", name="cap"),
    )


def _usage() -> None:
    op.create_table(
        "usage_events",
        *_texts("id"),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("called_at", _TIME, nullable=False),
        sa.Column("journal_id", sa.Text),
        *_texts("gateway", "request_id", "consumer_id", "key_id", "subscription_id", "plan_id", "vendor_id"),
        *_texts("service_id", "release_id", "deployment_id", "protocol", "operation"),
        *_counts("status"),
        sa.Column("streamed", sa.Boolean, nullable=False),
        sa.Column("client_left", sa.Boolean, nullable=False),
        *_counts("tokens_in", "tokens_out", "tokens_cached", "bytes_in", "bytes_out"),
        *_counts("first_byte_us", "duration_us", "overhead_us", "included", "price_nanos"),
        *_texts("currency", "source"),
        sa.PrimaryKeyConstraint("id", "at"),
        postgresql_partition_by="RANGE (at)",
    )
    op.create_index("ix_usage_events_consumer_id_at", "usage_events", ["consumer_id", "at"])
    op.create_index("ix_usage_events_vendor_id_at", "usage_events", ["vendor_id", "at"])
    op.create_index("ix_usage_events_request_id", "usage_events", ["request_id"])
    op.create_table(
        "usage_disputes",
        sa.Column("event_id", sa.Text, primary_key=True),
        sa.Column("at", _TIME, nullable=False),
        *_texts("gateway"),
        sa.Column("reasons", JSONB, nullable=False),
        sa.Column("claimed", JSONB, nullable=False),
        *_counts("claimed_nanos", "posted_nanos"),
    )


def _counted() -> None:
    op.create_table(
        "counters",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("window_start", _TIME, primary_key=True),
        sa.Column("used", sa.BigInteger, server_default=sa.text("0"), nullable=False),
        sa.Column("leased", sa.BigInteger, server_default=sa.text("0"), nullable=False),
        sa.Column("level_micro", sa.BigInteger),
        sa.Column("refilled_at", _TIME),
    )
    op.create_table(
        "leases",
        sa.Column("id", sa.Text, primary_key=True),
        *_texts("gateway", "life", "scope"),
        sa.Column("window_start", _TIME, nullable=False),
        *_texts("unit"),
        *_counts("granted"),
        sa.Column("spent", sa.BigInteger, server_default=sa.text("0"), nullable=False),
        sa.Column("granted_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("closed_at", _TIME),
    )
    op.create_index("ix_leases_open", "leases", ["gateway"], postgresql_where=sa.text("closed_at IS NULL"))
    op.create_index("ix_leases_closed_at", "leases", ["closed_at"])
    op.create_table(
        "gateway_lives",
        sa.Column("gateway", sa.Text, primary_key=True),
        sa.Column("life", sa.Text, primary_key=True),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("shipped_to", _TIME),
    )


def downgrade() -> None:
    for table in ("budgets", "gateway_lives", "leases", "counters", "usage_disputes", "usage_events"):
        op.drop_table(table)
