"""Analytics: what the worker made of the marketplace's figures, a row for each report."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0059"
down_revision = "0054"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "analytics_reports",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("figures", JSONB, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("analytics_reports")
