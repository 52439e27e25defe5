"""Webhooks: endpoints, sealed secrets, messages, deliveries and their attempts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, _TIME, nullable=nullable)


def _of(name: str, table: str, *, primary_key: bool = False) -> sa.Column[str]:
    key = sa.ForeignKey(f"{table}.id", ondelete="CASCADE")
    return sa.Column(name, sa.Text, key, nullable=False, primary_key=primary_key)


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        _text("url"),
        sa.Column("event_types", JSONB, nullable=False),
        _text("description"),
        _text("created_by"),
        _time("created_at"),
        _time("failing_since", nullable=True),
        _time("disabled_at", nullable=True),
        sa.Column("disabled_reason", sa.Text, server_default="", nullable=False),
    )
    op.create_index("ix_webhook_endpoints_organisation_id", "webhook_endpoints", ["organisation_id", "id"])
    op.create_table(
        "webhook_secrets",
        _of("endpoint_id", "webhook_endpoints", primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        _time("created_at"),
        _time("expires_at", nullable=True),
    )
    op.create_table(
        "webhook_messages",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        _text("event_type"),
        sa.Column("payload", JSONB, nullable=False),
        _time("at"),
    )
    op.create_index("ix_webhook_messages_at", "webhook_messages", ["at"])
    _deliveries()


def _deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Text, primary_key=True),
        _of("endpoint_id", "webhook_endpoints"),
        _of("message_id", "webhook_messages"),
        _text("state"),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        _time("next_at"),
        _time("ended_at", nullable=True),
        sa.UniqueConstraint("endpoint_id", "message_id"),
        sa.CheckConstraint("state in ('pending', 'delivered', 'failed')", name="state"),
    )
    op.create_index(
        "ix_webhook_deliveries_due", "webhook_deliveries", ["next_at"], postgresql_where=sa.text("state = 'pending'")
    )
    op.create_index("ix_webhook_deliveries_message_id", "webhook_deliveries", ["message_id"])
    op.create_table(
        "webhook_attempts",
        sa.Column("id", sa.Text, primary_key=True),
        _of("delivery_id", "webhook_deliveries"),
        _time("at"),
        sa.Column("status", sa.BigInteger),
        _text("error"),
        sa.Column("took_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_webhook_attempts_delivery_id", "webhook_attempts", ["delivery_id", "id"])


def downgrade() -> None:
    for table in ("attempts", "deliveries", "messages", "secrets", "endpoints"):
        op.drop_table(f"webhook_{table}")
