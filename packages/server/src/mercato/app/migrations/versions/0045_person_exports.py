"""Copies of what is known of a person."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "person_exports",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("ready_at", _TIME),
        sa.Column("object_key", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("sha256", sa.Text, nullable=False, server_default=""),
        sa.Column("counts", JSONB, nullable=False, server_default="{}"),
    )
    op.create_index("ix_person_exports_person_id_id", "person_exports", ["person_id", "id"])
    op.create_index("ix_person_exports_expires_at", "person_exports", ["expires_at"])


def downgrade() -> None:
    op.drop_table("person_exports")
