"""People in several organisations."""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "memberships",
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id"), primary_key=True),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("role", "invited_by")),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("role in ('admin', 'approver', 'viewer')", name="role"),
    )
    op.create_index("ix_memberships_organisation_id", "memberships", ["organisation_id"])
    op.add_column("login_sessions", sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id")))


def downgrade() -> None:
    # A session that acts elsewhere must not wake up in the person's own organisation.
    op.execute("UPDATE login_sessions SET ended_at = now() WHERE organisation_id IS NOT NULL AND ended_at IS NULL")
    op.drop_column("login_sessions", "organisation_id")
    op.drop_table("memberships")
