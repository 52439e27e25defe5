"""Training runs: what they reported, said and left."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_STATES = "'queued', 'running', 'collecting', 'succeeded', 'failed', 'timed_out', 'stopped'"


def upgrade() -> None:
    op.create_table(
        "training_runs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("spec", JSONB, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("code_sha256", sa.Text, nullable=False),
        sa.Column("data_sha256", sa.Text),
        sa.Column("data_key", sa.Text),
        sa.Column("environment", JSONB, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("handle", sa.Text),
        sa.Column("launching_at", _TIME),
        sa.Column("stop_asked_at", _TIME),
        sa.Column("seconds", sa.BigInteger, nullable=False),
        sa.Column("nanos_per_hour", sa.BigInteger, nullable=False),
        sa.Column("milliseconds", sa.BigInteger, nullable=False),
        sa.Column("cost_nanos", sa.BigInteger, nullable=False),
        sa.Column("log_bytes", sa.BigInteger, nullable=False),
        sa.Column("metrics", JSONB, nullable=False),
        sa.Column("exit_code", sa.BigInteger),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME),
        sa.Column("ended_at", _TIME),
        sa.Column("deadline_at", _TIME, nullable=False),
        sa.CheckConstraint(f"state in ({_STATES})", name="state"),
    )
    op.create_index("ix_training_runs_organisation_id", "training_runs", ["organisation_id", "id"])
    op.create_index(
        "ix_training_runs_open",
        "training_runs",
        ["deadline_at"],
        postgresql_where=sa.text("state in ('queued', 'running', 'collecting')"),
    )
    _create_parts()


def _create_parts() -> None:
    op.create_table(
        "training_steps",
        sa.Column("run_id", sa.Text, sa.ForeignKey("training_runs.id"), primary_key=True),
        sa.Column("step", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("metrics", JSONB, nullable=False),
        sa.Column("at", _TIME, nullable=False),
    )
    op.create_table(
        "training_logs",
        sa.Column("run_id", sa.Text, sa.ForeignKey("training_runs.id"), primary_key=True),
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("stop", sa.BigInteger, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_table(
        "training_artifacts",
        sa.Column("run_id", sa.Text, sa.ForeignKey("training_runs.id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
    )


def downgrade() -> None:
    for table in ("training_artifacts", "training_logs", "training_steps", "training_runs"):
        op.drop_table(table)
