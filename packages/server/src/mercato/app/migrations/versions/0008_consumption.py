"""The tables of consumption, and what it adds to those of other rooms: leases remember the batch that asked."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("leases", sa.Column("batch", sa.Text, server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("leases", "batch")
