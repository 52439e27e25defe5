"""Searches that organisations keep."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "saved_searches",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("asked", JSONB, nullable=False),
        sa.Column("means", JSONB, nullable=False),
        sa.Column("embedder", sa.Text, nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
    )
    own = ["organisation_id", "name"]
    op.create_index("uq_saved_searches_organisation_id_name", "saved_searches", own, unique=True)
    op.create_table(
        "saved_search_fits",
        sa.Column("saved_search_id", sa.Text, sa.ForeignKey("saved_searches.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("service_id", sa.Text, sa.ForeignKey("services.id"), primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("found_at", _TIME, nullable=False),
    )
    op.create_index("ix_saved_search_fits_found_at", "saved_search_fits", ["saved_search_id", "id"])


def downgrade() -> None:
    op.drop_table("saved_search_fits")
    op.drop_table("saved_searches")
