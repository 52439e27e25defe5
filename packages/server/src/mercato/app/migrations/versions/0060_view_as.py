"""Operators view as people of other organisations, which may forbid it."""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "views",
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("session_id", "viewed_by")),
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        *(sa.Column(name, _TIME, nullable=False) for name in ("began_at", "ends_at")),
        sa.Column("ended_at", _TIME),
    )
    op.create_index("ix_views_organisation_id_id", "views", ["organisation_id", "id"])
    op.create_index("ix_views_viewed_by_id", "views", ["viewed_by", "id"])
    op.add_column("organisations", sa.Column("allows_views", sa.Boolean, nullable=False, server_default=sa.true()))
    op.add_column("login_sessions", sa.Column("view_id", sa.Text))


def downgrade() -> None:
    op.drop_column("login_sessions", "view_id")
    op.drop_column("organisations", "allows_views")
    op.drop_table("views")
