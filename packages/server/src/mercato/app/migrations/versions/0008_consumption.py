"""The tables of consumption, and what it adds to those of other rooms: leases remember the batch that asked,
deployments have limits, and budgets may count by the second."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("leases", sa.Column("batch", sa.Text, server_default="", nullable=False))
    op.add_column("deployments", sa.Column("limits", JSONB, server_default="[]", nullable=False))
    _limit_windows("'second', 'minute', 'day', 'month'")


def downgrade() -> None:
    _limit_windows("'minute', 'day', 'month'")
    op.drop_column("deployments", "limits")
    op.drop_column("leases", "batch")


def _limit_windows(windows: str) -> None:
    op.drop_constraint(op.f("ck_budgets_window"), "budgets")
    op.create_check_constraint(op.f("ck_budgets_window"), "budgets", f'"window" in ({windows})')
