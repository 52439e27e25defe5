"""Deployments may name a path that tells their health."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("deployments", sa.Column("health_path", sa.Text))


def downgrade() -> None:
    op.drop_column("deployments", "health_path")
