"""Reviews of services by those who called them."""

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("service_id", sa.Text, sa.ForeignKey("services.id"), nullable=False),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("stars", sa.BigInteger, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("written_by", sa.Text, nullable=False),
        sa.Column("written_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("answered_by", sa.Text),
        sa.Column("answered_at", _TIME),
        sa.Column("hidden_for", sa.Text),
        sa.Column("hidden_by", sa.Text),
        sa.Column("hidden_at", _TIME),
        sa.CheckConstraint("stars between 1 and 5", name="stars"),
        sa.CheckConstraint("(hidden_at is null) = (hidden_for is null)", name="hidden"),
    )
    op.create_index("uq_reviews_service_id_organisation_id", "reviews", ["service_id", "organisation_id"], unique=True)
    op.create_index("ix_reviews_service_id_id", "reviews", ["service_id", "id"])
    op.create_index("ix_reviews_organisation_id", "reviews", ["organisation_id"])


def downgrade() -> None:
    op.drop_table("reviews")
