"""Second factors, invitations and password resets; sessions say where they were begun and when they were last used."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_SESSION_COLUMNS = ("used_at", "proved_at", "device", "network")


def upgrade() -> None:
    op.add_column("login_sessions", sa.Column("used_at", _TIME))
    op.add_column("login_sessions", sa.Column("proved_at", _TIME))
    op.add_column("login_sessions", sa.Column("device", sa.Text))
    op.add_column("login_sessions", sa.Column("network", sa.Text))
    op.create_table(
        "second_factors",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("confirmed_at", _TIME),
        sa.Column("used_at", _TIME),
        sa.Column("last_step", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.create_index("ix_second_factors_user_id", "second_factors", ["user_id"])
    op.create_table(
        "recovery_codes",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME),
    )
    op.create_index("ix_recovery_codes_user_id", "recovery_codes", ["user_id"])
    op.create_table(
        "invitations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("invited_by", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("accepted_at", _TIME),
        sa.Column("withdrawn_at", _TIME),
        sa.CheckConstraint("role in ('super_admin', 'admin', 'approver', 'viewer')", name="role"),
    )
    op.create_index("ix_invitations_organisation_id_id", "invitations", ["organisation_id", "id"])
    op.create_table(
        "password_resets",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME),
    )
    op.create_index("ix_password_resets_user_id", "password_resets", ["user_id"])
    op.create_index("ix_password_resets_expires_at", "password_resets", ["expires_at"])
    op.create_table(
        "letters",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("sent_at", _TIME),
        sa.Column("failed_at", _TIME),
        sa.Column("error", sa.Text),
        sa.CheckConstraint("kind in ('invitation', 'password_reset')", name="kind"),
    )
    op.create_index(
        "ix_letters_due_at", "letters", ["due_at"], postgresql_where=sa.text("sent_at IS NULL AND failed_at IS NULL")
    )


def downgrade() -> None:
    for table in ("letters", "password_resets", "invitations", "recovery_codes", "second_factors"):
        op.drop_table(table)
    for column in reversed(_SESSION_COLUMNS):
        op.drop_column("login_sessions", column)
