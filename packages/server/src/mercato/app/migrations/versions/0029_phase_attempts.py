"""How often a phase of the pipeline was begun without coming to an end."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "phase_attempts",
        sa.Column("submission_id", sa.Text, sa.ForeignKey("submissions.id"), primary_key=True),
        sa.Column("phase", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("begun", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("phase_attempts")
