"""Days of usage as other time zones count them, for single busy consumers too, and indexes that match the questions.

The rows of days are made anew by the worker, from quarter hours that stay; until then those are read.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_LEVELS = {
    "consumer": "level IN ('consumer', 'own', 'call')",
    "vendor": "level IN ('listing', 'operation', 'vendor')",
}
_LEVELS_BEFORE = {"consumer_id": "level = 'call'", "vendor_id": "level = 'vendor'"}


def upgrade() -> None:
    _forget_days()
    for side in _LEVELS_BEFORE:
        op.drop_index(f"ix_usage_days_{side}_start", "usage_days")
    for side, levels in _LEVELS.items():
        op.create_index(
            f"ix_usage_days_{side}", "usage_days", [f"{side}_id", "level", "seconds", "start"],
            postgresql_where=sa.text(levels),
        )  # fmt: skip
    op.create_table(
        "usage_windows",
        sa.Column("start", _TIME, primary_key=True),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("made", JSONB, nullable=False),
    )
    op.create_table(
        "usage_zones",
        sa.Column("zone", sa.Text, primary_key=True),
        sa.Column("asked_on", sa.Date, nullable=False),
    )


def downgrade() -> None:
    _forget_days()
    for table in ("usage_zones", "usage_windows"):
        op.drop_table(table)
    for side in _LEVELS:
        op.drop_index(f"ix_usage_days_{side}", "usage_days")
    for side, levels in _LEVELS_BEFORE.items():
        op.create_index(f"ix_usage_days_{side}_start", "usage_days", [side, "start"], postgresql_where=sa.text(levels))


def _forget_days() -> None:
    """Other levels are made on the other side."""
    op.execute("TRUNCATE usage_days")
    op.execute("DELETE FROM usage_day_states")
