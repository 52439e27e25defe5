"""The tables of publishing; triggers keep releases and the terms of plans as they were written."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)

_FROZEN = """
CREATE FUNCTION {table}_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(OLD) - '{{{free}}}'::text[] IS DISTINCT FROM to_jsonb(NEW) - '{{{free}}}'::text[] THEN
        RAISE EXCEPTION '{table} are immutable: only {free} may change' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
_TRIGGER = "CREATE TRIGGER {table}_stay BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_stay()"
_FREE = {"releases": "status,status_reason,status_at", "plans": "retired_at"}


def upgrade() -> None:
    _create_services()
    _create_submissions()
    _create_releases()
    _create_plans()
    _create_approvals()
    for table, free in _FREE.items():
        op.execute(_FROZEN.format(table=table, free=free))
        op.execute(_TRIGGER.format(table=table))


def _create_services() -> None:
    op.create_table(
        "services",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("vendor_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("protocol", sa.Text, nullable=False),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("paths", sa.Text, nullable=False),
        sa.Column("licence", sa.Text, nullable=False),
        sa.Column("tags", JSONB, nullable=False),
        sa.Column("modalities", JSONB, nullable=False),
        sa.Column("regions", JSONB, nullable=False),
        sa.Column("context_window", sa.BigInteger),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("latest_version", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint("status in ('listed', 'withdrawn')", name="status"),
    )
    op.create_index("uq_services_vendor_id_name", "services", ["vendor_id", "name"], unique=True)


def _create_submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("vendor_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("service_name", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
        sa.Column("document", sa.Text),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.CheckConstraint("state in ('received', 'checking', 'waiting', 'released', 'refused')", name="state"),
    )
    op.create_index("ix_submissions_vendor_id", "submissions", ["vendor_id", "id"])
    op.create_index(
        "uq_submissions_version_open",
        "submissions",
        ["vendor_id", "service_name", "version"],
        unique=True,
        postgresql_where=sa.text("state <> 'refused'"),
    )
    op.create_table(
        "evidence",
        sa.Column("submission_id", sa.Text, sa.ForeignKey("submissions.id"), primary_key=True),
        sa.Column("phase", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("findings", JSONB, nullable=False),
        sa.Column("facts", JSONB, nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=False),
        sa.CheckConstraint("phase between 1 and 10", name="phase"),
        sa.CheckConstraint("outcome in ('passed', 'warned', 'failed', 'waiting')", name="outcome"),
    )


def _create_releases() -> None:
    op.create_table(
        "releases",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("service_id", sa.Text, sa.ForeignKey("services.id"), nullable=False),
        sa.Column("submission_id", sa.Text, sa.ForeignKey("submissions.id"), nullable=False, unique=True),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("manifest", JSONB, nullable=False),
        sa.Column("document", sa.Text),
        sa.Column("document_digest", sa.Text),
        sa.Column("operations", JSONB, nullable=False),
        sa.Column("released_at", _TIME, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("status_reason", sa.Text, nullable=False),
        sa.Column("status_at", _TIME, nullable=False),
        sa.CheckConstraint("status in ('live', 'deprecated', 'yanked')", name="status"),
    )
    op.create_index("uq_releases_service_id_version", "releases", ["service_id", "version"], unique=True)
    op.create_table(
        "deployments",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("release_id", sa.Text, sa.ForeignKey("releases.id"), nullable=False, index=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("addresses", JSONB, nullable=False),
        sa.Column("upstream_model", sa.Text),
        sa.Column("weight", sa.BigInteger, nullable=False),
        sa.Column("timeout_ms", sa.BigInteger, nullable=False),
        sa.Column("max_connections", sa.BigInteger, nullable=False),
        sa.Column("on_disconnect", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.CheckConstraint("on_disconnect in ('drain', 'abort')", name="on_disconnect"),
    )


def _create_plans() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("service_id", sa.Text, sa.ForeignKey("services.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("monthly_nanos", sa.BigInteger, nullable=False),
        sa.Column("per_call_nanos", sa.BigInteger, nullable=False),
        sa.Column("per_1k_input_nanos", sa.BigInteger, nullable=False),
        sa.Column("per_1k_output_nanos", sa.BigInteger, nullable=False),
        sa.Column("included_unit", sa.Text),
        sa.Column("included", sa.BigInteger, nullable=False),
        sa.Column("overage", sa.Boolean, nullable=False),
        sa.Column("limits", JSONB, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("retired_at", _TIME),
    )
    op.create_index("ix_plans_service_id", "plans", ["service_id"])
    op.create_index(
        "uq_plans_service_id_name_open",
        "plans",
        ["service_id", "name"],
        unique=True,
        postgresql_where=sa.text("retired_at is null"),
    )


def _create_approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("submission_id", sa.Text, sa.ForeignKey("submissions.id"), primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("required_people", sa.BigInteger, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("decided_at", _TIME),
        sa.CheckConstraint("state in ('pending', 'approved', 'rejected')", name="state"),
    )
    op.create_index(
        "ix_approvals_pending", "approvals", ["submission_id"], postgresql_where=sa.text("state = 'pending'")
    )
    op.create_table(
        "approval_votes",
        sa.Column("submission_id", sa.Text, sa.ForeignKey("approvals.submission_id"), primary_key=True),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.CheckConstraint("decision in ('approve', 'reject')", name="decision"),
    )


def downgrade() -> None:
    for table in (
        "approval_votes", "approvals", "plans", "deployments", "releases", "evidence", "submissions", "services",
    ):  # fmt: skip
        op.drop_table(table)
    for table in _FREE:
        op.execute(f"DROP FUNCTION {table}_stay()")
