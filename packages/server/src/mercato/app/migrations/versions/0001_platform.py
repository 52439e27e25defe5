"""The tables of platform, and the answers kept for `Idempotency-Key`."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox_events",
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column(
            "transaction",
            sa.BigInteger,
            server_default=sa.text("(pg_current_xact_id()::text::bigint)"),
            nullable=False,
        ),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("payload", JSONB, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_outbox_events_place", "outbox_events", ["transaction", "number"])
    op.create_table(
        "outbox_places",
        sa.Column("reader", sa.Text, primary_key=True),
        sa.Column("transaction", sa.BigInteger, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "idempotent_answers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("body_digest", sa.Text, nullable=False),
        sa.Column("status", sa.BigInteger, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_idempotent_answers_at", "idempotent_answers", ["at"])


def downgrade() -> None:
    op.drop_table("idempotent_answers")
    op.drop_table("outbox_places")
    op.drop_table("outbox_events")
