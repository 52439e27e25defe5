"""Service accounts, and which keys are theirs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "service_accounts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False, server_default=""),
        sa.Column("rights", JSONB, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("disabled_by", sa.Text),
        sa.Column("disabled_at", _TIME),
    )
    op.create_index("ix_service_accounts_organisation_id", "service_accounts", ["organisation_id"])
    op.add_column("keys", sa.Column("service_account_id", sa.Text, sa.ForeignKey("service_accounts.id")))
    op.create_index("ix_keys_service_account_id", "keys", ["service_account_id"])


def downgrade() -> None:
    op.drop_column("keys", "service_account_id")
    op.drop_table("service_accounts")
