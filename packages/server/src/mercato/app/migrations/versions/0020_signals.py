"""The desk: log of signals, what rounds came to, kill switches, the chained record."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_APPENDED = ("signal_entries", "desk_events")


def upgrade() -> None:
    op.create_table(
        "signal_entries",
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("deployment_id", sa.Text, nullable=False),
        sa.Column("vendor_id", sa.Text, nullable=False),
        sa.Column("round_id", sa.Text, nullable=False),
        sa.Column("era", sa.BigInteger, nullable=False),
        sa.Column("scores", JSONB, nullable=False),
        sa.Column("scores_sha256", sa.Text, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
    )
    op.create_index("ix_signal_entries_written", "signal_entries", ["round_id", "deployment_id", "era", "place"])
    op.create_index("ix_signal_entries_vendor_id", "signal_entries", ["vendor_id", "place"])
    op.create_table(
        "signal_nodes",
        sa.Column("level", sa.BigInteger, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("level", "number"),
    )
    op.create_table(
        "signal_heads",
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("sealed_at", _TIME, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
    )
    _create_results()
    _create_switches()
    # Nobody alters what was appended by mistake; who does it on purpose is found by the hashes.
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is only ever added to', TG_TABLE_NAME; END $$"
    )
    for table in _APPENDED:
        op.execute(
            f"CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _create_results() -> None:
    op.create_table(
        "desk_documents",
        sa.Column("round_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("era", sa.BigInteger, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("round_id", "kind", "era"),
    )
    op.create_table(
        "deployment_round_scores",
        sa.Column("deployment_id", sa.Text, nullable=False),
        sa.Column("round_id", sa.Text, nullable=False),
        sa.Column("dataset_id", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("vendor_id", sa.Text, nullable=False),
        sa.Column("vendor", sa.Text, nullable=False),
        sa.Column("weight", sa.BigInteger, nullable=False),
        sa.Column("figures", JSONB, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("deployment_id", "round_id"),
    )
    op.create_index("ix_deployment_round_scores_round", "deployment_round_scores", ["dataset_id", "number"])
    op.create_table(
        "backtest_claims",
        sa.Column("deployment_id", sa.Text, sa.ForeignKey("deployments.id"), primary_key=True),
        sa.Column("eras", sa.BigInteger, nullable=False),
        sa.Column("mean_ic", sa.Float, nullable=False),
        sa.Column("deviation", sa.Float, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("claimed_at", _TIME, nullable=False),
    )


def _create_switches() -> None:
    op.create_table(
        "kill_switches",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("thrown_at", _TIME, nullable=False),
        sa.Column("lifted_by", sa.Text),
        sa.Column("lifted_at", _TIME),
        sa.CheckConstraint("scope in ('deployment', 'vendor', 'all')", name="scope"),
    )
    op.create_index(
        "uq_kill_switches_thrown",
        "kill_switches",
        ["scope", "target", "origin"],
        unique=True,
        postgresql_where=sa.text("lifted_at is null"),
    )
    op.create_table(
        "desk_events",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
    op.create_index("ix_desk_events_subject", "desk_events", ["subject"])


def downgrade() -> None:
    for table in (
        "desk_events",
        "kill_switches",
        "backtest_claims",
        "deployment_round_scores",
        "desk_documents",
        "signal_heads",
        "signal_nodes",
        "signal_entries",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change()")
