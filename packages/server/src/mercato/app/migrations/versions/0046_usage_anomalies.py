"""Unusual hours of usage."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "usage_anomalies",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("scope", "scope_id", "organisation_id")),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("hour", _TIME, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("metric", "kind")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("value", "usual", "weeks", "score_percent")),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("found_at", _TIME, nullable=False),
        sa.Column("normal_since", _TIME),
        sa.Column("normal_by", sa.Text),
        sa.CheckConstraint("scope in ('consumer', 'service', 'market')", name="scope"),
        sa.CheckConstraint("kind in ('more', 'less')", name="kind"),
    )
    op.create_index("uq_usage_anomalies_scope_day", "usage_anomalies", ["scope", "scope_id", "day"], unique=True)
    op.create_index("ix_usage_anomalies_organisation_id", "usage_anomalies", ["organisation_id", "id"])
    op.create_table(
        "usage_judged_hours",
        sa.Column("hour", _TIME, primary_key=True),
        sa.Column("judged_at", _TIME, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("usage_judged_hours")
    op.drop_table("usage_anomalies")
