"""Services' health by minute and hour."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "service_health",
        sa.Column("service_id", sa.Text, nullable=False),
        sa.Column("release_id", sa.Text, nullable=False),
        sa.Column("seconds", sa.BigInteger, nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("latency", ARRAY(sa.BigInteger), nullable=False),
        sa.PrimaryKeyConstraint("service_id", "seconds", "start", "release_id"),
        sa.CheckConstraint("seconds in (60, 3600)", name="seconds"),
    )
    op.create_index("ix_service_health_start", "service_health", ["seconds", "start"])
    op.create_index(
        "ix_service_health_failed",
        "service_health",
        ["start"],
        postgresql_where=sa.text("seconds = 60 AND failed > 0"),
    )
    # Rows of the present are updated with every batch: room in their pages keeps that from growing the indexes.
    op.execute("ALTER TABLE service_health SET (fillfactor = 50)")


def downgrade() -> None:
    op.drop_table("service_health")
