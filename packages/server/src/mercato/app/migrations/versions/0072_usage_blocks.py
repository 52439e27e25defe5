"""Blocks of eight days of usage, added up once more for long periods of many."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "usage_blocks",
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("days_made_at", postgresql.ARRAY(sa.DateTime(timezone=True)), nullable=False),
        sa.Column("made", postgresql.JSONB, nullable=False),
        sa.PrimaryKeyConstraint("start", name=op.f("pk_usage_blocks")),
    )


def downgrade() -> None:
    op.drop_table("usage_blocks")
    op.execute("delete from usage_days where seconds = 691200")
