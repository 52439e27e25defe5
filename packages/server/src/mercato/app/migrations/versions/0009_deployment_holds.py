"""Who keeps which deployment out of routing."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deployment_holds",
        sa.Column("deployment_id", sa.Text, sa.ForeignKey("deployments.id"), primary_key=True),
        sa.Column("holder", sa.Text, primary_key=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("deployment_holds")
