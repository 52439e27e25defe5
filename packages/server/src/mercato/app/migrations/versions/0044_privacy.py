"""Keys of people, legal holds and erasures; what is written once gives up a person's name, and nothing else."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
# Never null: what is neither true nor false would let every change pass.
_ERASING = "coalesce(current_setting('mercato.privacy', true), '') = 'erase'"

# Only an erasure, and only in columns that hold words: ids, amounts and times stay as they were written.
_WORDS = f"""
CREATE FUNCTION words_are_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND {_ERASING} AND to_jsonb(NEW) - TG_ARGV::text[] = to_jsonb(OLD) - TG_ARGV::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is written once: post an adjustment instead', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""
_FROZEN = """
CREATE OR REPLACE FUNCTION {table}_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(OLD) - '{{{free}}}'::text[] IS DISTINCT FROM to_jsonb(NEW) - '{{{free}}}'::text[] {unless} THEN
        RAISE EXCEPTION '{table} are immutable: only {said} may change' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
_FREE = {"releases": "status,status_reason,status_at", "plans": "retired_at"}
_TEXTS = {"releases": "manifest,document,operations", "plans": "title"}


def upgrade() -> None:
    op.create_table(
        "person_keys",
        sa.Column("person_id", sa.Text, primary_key=True),
        sa.Column("key", sa.LargeBinary),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("destroyed_at", _TIME),
    )
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("placed_by", sa.Text, nullable=False),
        sa.Column("placed_at", _TIME, nullable=False),
        sa.Column("lifted_by", sa.Text),
        sa.Column("lifted_at", _TIME),
    )
    op.create_index(
        "uq_legal_holds_in_force", "legal_holds", ["person_id"], unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "erasures",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("person_id", sa.Text, nullable=False, unique=True),
        sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("counts", JSONB, nullable=False, server_default="{}"),
    )
    op.create_index("ix_erasures_organisation_id_id", "erasures", ["organisation_id", "id"])
    op.execute(_WORDS)
    op.execute("DROP TRIGGER adjustments_stay ON adjustments")
    op.execute(
        "CREATE TRIGGER adjustments_stay BEFORE UPDATE OR DELETE ON adjustments "
        "FOR EACH ROW EXECUTE FUNCTION words_are_erased('reason', 'reference')"
    )
    op.execute(
        "CREATE TRIGGER adjustments_keep BEFORE TRUNCATE ON adjustments "
        "FOR EACH STATEMENT EXECUTE FUNCTION billing_stays()"
    )
    for table, free in _FREE.items():
        unless = (
            f"AND NOT ({_ERASING} AND to_jsonb(OLD) - '{{{free},{_TEXTS[table]}}}'::text[] "
            f"= to_jsonb(NEW) - '{{{free},{_TEXTS[table]}}}'::text[])"
        )
        op.execute(_FROZEN.format(table=table, free=free, said=free, unless=unless))


def downgrade() -> None:
    for table, free in _FREE.items():
        op.execute(_FROZEN.format(table=table, free=free, said=free, unless=""))
    op.execute("DROP TRIGGER adjustments_keep ON adjustments")
    op.execute("DROP TRIGGER adjustments_stay ON adjustments")
    op.execute(
        "CREATE TRIGGER adjustments_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON adjustments"
        " FOR EACH STATEMENT EXECUTE FUNCTION billing_stays()"
    )
    op.execute("DROP FUNCTION words_are_erased()")
    for table in ("erasures", "legal_holds", "person_keys"):
        op.drop_table(table)
