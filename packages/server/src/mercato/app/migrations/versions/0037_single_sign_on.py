"""Single sign-on: providers of organisations, accounts of people at them, sign-ins under way."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.alter_column("users", "password_hash", nullable=True)
    op.add_column("device_logins", sa.Column("proved_at", _TIME))
    op.create_table(
        "sso_providers",
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), primary_key=True),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("groups_claim", sa.Text, nullable=False),
        sa.Column("role_of_group", JSONB, nullable=False),
        sa.Column("default_role", sa.Text),
        sa.Column("domains", JSONB, nullable=False),
        sa.Column("has_passwords", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("worked_at", _TIME),
        sa.CheckConstraint("default_role in ('admin', 'approver', 'viewer')", name="default_role"),
    )
    op.create_table(
        "sso_accounts",
        sa.Column("issuer", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id"), nullable=False, unique=True),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("signed_in_at", _TIME),
        sa.Column("disabled_at", _TIME),
    )
    op.create_index("ix_sso_accounts_organisation_id", "sso_accounts", ["organisation_id"])
    op.create_table(
        "sso_sign_ins",
        sa.Column("state_digest", sa.Text, primary_key=True),
        sa.Column("binding_digest", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id")),
        sa.Column("session_id", sa.Text),
        sa.Column("user_code", sa.Text),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME),
        sa.CheckConstraint("purpose in ('sign_in', 'link', 'proof', 'device')", name="purpose"),
    )
    op.create_index("ix_sso_sign_ins_expires_at", "sso_sign_ins", ["expires_at"])


def downgrade() -> None:
    for table in ("sso_sign_ins", "sso_accounts", "sso_providers"):
        op.drop_table(table)
    op.drop_column("device_logins", "proved_at")
    # Somebody without a password gets a hash that no password fits.
    op.execute("UPDATE users SET password_hash = '!' WHERE password_hash IS NULL")
    op.alter_column("users", "password_hash", nullable=False)
