"""Budgets may count calls at once; a metered call knows which service was asked for where a fallback answered."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("usage_events", sa.Column("asked_service_id", sa.Text, nullable=True))
    _allow("'nanos', 'requests', 'tokens', 'concurrent'", "'second', 'minute', 'day', 'month', 'ever'")


def downgrade() -> None:
    op.execute("DELETE FROM budgets WHERE unit = 'concurrent'")
    _allow("'nanos', 'requests', 'tokens'", "'second', 'minute', 'day', 'month'")
    op.drop_column("usage_events", "asked_service_id")


def _allow(units: str, windows: str) -> None:
    for name, rule in (("unit", f"unit in ({units})"), ("window", f'"window" in ({windows})')):
        op.drop_constraint(op.f(f"ck_budgets_{name}"), "budgets")
        op.create_check_constraint(op.f(f"ck_budgets_{name}"), "budgets", rule)
