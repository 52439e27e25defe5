"""Searches that found nothing, and refusals by code and day."""

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "search_misses",
        sa.Column("at", _TIME, primary_key=True),
        sa.Column("words_digest", sa.Text, primary_key=True),
        sa.Column("asker", sa.Text, primary_key=True),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("searches", sa.Integer, nullable=False),
    )
    op.create_index("ix_search_misses_at", "search_misses", ["at"])
    op.create_table(
        "refusal_days",
        sa.Column("at", _TIME, primary_key=True),
        sa.Column("code", sa.Text, primary_key=True),
        sa.Column("refusals", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("refusal_days")
    op.drop_table("search_misses")
