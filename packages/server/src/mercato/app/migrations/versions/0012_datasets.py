"""The tables of datasets."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_TABLES = ("datasets", "panels", "rounds", "round_files", "round_transitions")


def upgrade() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("card", sa.Text, nullable=False),
        sa.Column("reader_id", sa.Text, sa.ForeignKey("organisations.id")),
        sa.Column("panel_id", sa.Text),
        sa.Column("created_at", _TIME, nullable=False),
    )
    op.create_table(
        "panels",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("dataset_id", sa.Text, sa.ForeignKey("datasets.id"), nullable=False),
        sa.Column("object_key", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("eras", sa.BigInteger, nullable=False),
        sa.Column("first_day", sa.Text, nullable=False),
        sa.Column("last_day", sa.Text, nullable=False),
        sa.Column("horizon_days", sa.BigInteger, nullable=False),
        sa.Column("lag_days", sa.BigInteger, nullable=False),
        sa.Column("features", JSONB, nullable=False),
        sa.Column("sources", JSONB, nullable=False),
        sa.Column("built_at", _TIME, nullable=False),
    )
    op.create_index("uq_panels_dataset_id_sha256", "panels", ["dataset_id", "sha256"], unique=True)
    op.create_table(
        "rounds",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("dataset_id", sa.Text, sa.ForeignKey("datasets.id"), nullable=False),
        sa.Column("panel_id", sa.Text, sa.ForeignKey("panels.id"), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("first_era", sa.BigInteger, nullable=False),
        sa.Column("last_era", sa.BigInteger, nullable=False),
        sa.Column("train_last_era", sa.BigInteger, nullable=False),
        sa.Column("horizon_days", sa.BigInteger, nullable=False),
        sa.Column("lag_days", sa.BigInteger, nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("closes_at", _TIME, nullable=False),
        sa.Column("embargo_until", _TIME, nullable=False),
        sa.Column("scores_sha256", sa.Text),
        sa.CheckConstraint("state in ('open', 'closed', 'scored', 'resolved')", name="state"),
        sa.CheckConstraint("first_era <= last_era and train_last_era < first_era", name="eras"),
    )
    op.create_index("uq_rounds_dataset_id_number", "rounds", ["dataset_id", "number"], unique=True)
    op.create_index("uq_rounds_open", "rounds", ["dataset_id"], unique=True, postgresql_where=sa.text("state = 'open'"))
    op.create_table(
        "round_files",
        sa.Column("round_id", sa.Text, sa.ForeignKey("rounds.id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("object_key", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "round_transitions",
        sa.Column("round_id", sa.Text, sa.ForeignKey("rounds.id"), primary_key=True),
        sa.Column("state", sa.Text, primary_key=True),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
    )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
