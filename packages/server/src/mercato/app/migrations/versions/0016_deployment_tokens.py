"""Tokens of deployments, and how many requests each deployment has left."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "deployment_tokens",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("deployment_id", sa.Text, nullable=False),
        sa.Column("subject_key_id", sa.Text, sa.ForeignKey("keys.id"), nullable=False, index=True),
        sa.Column("scopes", JSONB, nullable=False),
        sa.Column("secret_digest", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME),
    )
    op.create_index("ix_deployment_tokens_deployment_id", "deployment_tokens", ["deployment_id", "id"])
    op.create_table(
        "deployment_allowances",
        sa.Column("deployment_id", sa.Text, primary_key=True),
        sa.Column("full_at", _TIME, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("deployment_allowances")
    op.drop_table("deployment_tokens")
