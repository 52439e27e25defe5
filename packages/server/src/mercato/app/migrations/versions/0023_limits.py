"""Budgets may count calls at once."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _allow("'nanos', 'requests', 'tokens', 'concurrent'", "'second', 'minute', 'day', 'month', 'ever'")


def downgrade() -> None:
    op.execute("DELETE FROM budgets WHERE unit = 'concurrent'")
    _allow("'nanos', 'requests', 'tokens'", "'second', 'minute', 'day', 'month'")


def _allow(units: str, windows: str) -> None:
    for name, rule in (("unit", f"unit in ({units})"), ("window", f'"window" in ({windows})')):
        op.drop_constraint(op.f(f"ck_budgets_{name}"), "budgets")
        op.create_check_constraint(op.f(f"ck_budgets_{name}"), "budgets", rule)
