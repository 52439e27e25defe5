"""Logins of devices (RFC 8628)."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "device_logins",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("device_digest", sa.Text, nullable=False, unique=True),
        sa.Column("user_code", sa.Text, nullable=False, unique=True),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("interval_seconds", sa.BigInteger, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False, index=True),
        sa.Column("asked_at", _TIME),
        sa.Column("user_id", sa.Text, sa.ForeignKey("users.id")),
        sa.Column("confirmation_digest", sa.Text, unique=True),
        sa.CheckConstraint("state in ('pending', 'approved', 'denied', 'used')", name="state"),
    )


def downgrade() -> None:
    op.drop_table("device_logins")
