"""Plans may name services that take a call when none of the service's own deployments can."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("plans", sa.Column("fallbacks", JSONB, server_default="[]", nullable=False))


def downgrade() -> None:
    op.drop_column("plans", "fallbacks")
