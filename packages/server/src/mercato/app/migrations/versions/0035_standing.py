"""Organisations can be suspended, with a reason."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("organisations", sa.Column("suspended_at", sa.DateTime(timezone=True)))
    op.add_column("organisations", sa.Column("suspended_reason", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("organisations", "suspended_reason")
    op.drop_column("organisations", "suspended_at")
