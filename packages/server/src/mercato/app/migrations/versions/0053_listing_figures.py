"""What is measured of listings, and which shape their rows have."""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("listing_documents", sa.Column("shape", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("ix_listing_documents_shape", "listing_documents", ["shape", "service_id"])
    op.create_table(
        "listing_figures",
        sa.Column("service_id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("calls", "consumers", "failed")),
        *(sa.Column(name, sa.BigInteger) for name in ("p50_us", "p95_us", "availability_bp")),
        sa.Column("is_met", sa.Boolean),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("stars", "reviews")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("recent_calls", "earlier_calls")),
        sa.Column("trend_millis", sa.BigInteger, nullable=False),
        sa.Column("measured_at", _TIME),
    )
    op.create_index("ix_listing_figures_measured_at", "listing_figures", ["measured_at"])


def downgrade() -> None:
    op.drop_table("listing_figures")
    op.drop_index("ix_listing_documents_shape", "listing_documents")
    op.drop_column("listing_documents", "shape")
