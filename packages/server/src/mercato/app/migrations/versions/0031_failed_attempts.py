"""Failed attempts are counted by what was attacked, over all addresses and replicas together."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "failed_attempts",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("failed_at", _TIME, nullable=False),
        sa.Column("blocked_until", _TIME, nullable=False),
    )
    op.create_index("ix_failed_attempts_failed_at", "failed_attempts", ["failed_at"])


def downgrade() -> None:
    op.drop_table("failed_attempts")
