"""Approvals are bound to what was submitted, claimed by whoever looks at them, and commented."""

import sqlalchemy as sa
from alembic import op

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("approvals", sa.Column("digest", sa.Text))
    op.add_column("approvals", sa.Column("claimed_by", sa.Text))
    op.add_column("approvals", sa.Column("claimed_at", _TIME))
    op.execute("UPDATE approvals SET digest = s.digest FROM submissions s WHERE s.id = approvals.submission_id")
    op.alter_column("approvals", "digest", nullable=False)
    op.create_check_constraint("claim", "approvals", "(claimed_by is null) = (claimed_at is null)")
    op.create_table(
        "approval_comments",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("submission_id", sa.Text, sa.ForeignKey("approvals.submission_id"), nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
    )
    op.create_index("ix_approval_comments_submission_id_id", "approval_comments", ["submission_id", "id"])


def downgrade() -> None:
    op.drop_table("approval_comments")
    op.drop_constraint(op.f("ck_approvals_claim"), "approvals", type_="check")
    for name in ("claimed_at", "claimed_by", "digest"):
        op.drop_column("approvals", name)
