"""What people found of the results of searches."""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "search_feedback",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("query_digest", sa.Text, nullable=False),
        sa.Column("service_id", sa.Text, sa.ForeignKey("services.id"), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("verdict in ('opened', 'useful', 'not_useful')", name="verdict"),
        sa.CheckConstraint("position between 1 and 200", name="position"),
    )
    columns = ["organisation_id", "query_digest", "service_id"]
    op.create_index("uq_search_feedback_result", "search_feedback", columns, unique=True)
    op.create_index("ix_search_feedback_at", "search_feedback", ["at"])


def downgrade() -> None:
    op.drop_table("search_feedback")
