"""The audit log: entries at their places, the tree and the signed heads over them, refusals by the minute."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0034"
down_revision = "0032"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_GUARD = """
CREATE FUNCTION guard_audit_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('mercato.audit', true) = 'prune' THEN
        RETURN OLD;
    END IF;
    -- What was sealed stays; only the details beside it, which name people, can be erased.
    IF TG_OP = 'UPDATE' AND current_setting('mercato.audit', true) = 'erase' AND NEW.details IS NULL
        AND to_jsonb(NEW) - 'details' = to_jsonb(OLD) - 'details' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'audit_entries is only ever added to';
END $$
"""


def upgrade() -> None:
    op.add_column("outbox_events", sa.Column("context", JSONB))
    op.create_table(
        "audit_entries",
        sa.Column("place", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("verb", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Text, nullable=False),
        sa.Column("organisation_id", sa.Text, nullable=False),
        sa.Column("target_type", sa.Text, nullable=False),
        sa.Column("target_id", sa.Text, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("leaf", sa.LargeBinary, nullable=False),
        sa.Column("details", JSONB),
    )
    for column in ("organisation_id", "actor_id", "target_id", "verb"):
        op.create_index(f"ix_audit_entries_{column}_place", "audit_entries", [column, "place"])
    op.create_table(
        "audit_nodes",
        sa.Column("level", sa.BigInteger, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("root", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("level", "number"),
    )
    op.create_table(
        "audit_heads",
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("sealed_at", _TIME, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("signature", sa.Text, nullable=False),
    )
    op.create_table(
        "audit_anchors",
        sa.Column("size", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("object_key", sa.Text, nullable=False),
        sa.Column("at", _TIME, nullable=False),
    )
    op.create_table(
        "audit_refusals",
        sa.Column("minute", _TIME, nullable=False),
        sa.Column("asker", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("context", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("minute", "asker", "code", "route"),
    )
    op.execute(_GUARD)
    op.execute(
        "CREATE TRIGGER guard_rows BEFORE UPDATE OR DELETE ON audit_entries "
        "FOR EACH ROW EXECUTE FUNCTION guard_audit_entries()"
    )
    op.execute(
        "CREATE TRIGGER guard_table BEFORE TRUNCATE ON audit_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION guard_audit_entries()"
    )
    for table in ("audit_nodes", "audit_heads", "audit_anchors"):
        op.execute(
            f"CREATE TRIGGER only_added BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in ("audit_refusals", "audit_anchors", "audit_heads", "audit_nodes", "audit_entries"):
        op.drop_table(table)
    op.execute("DROP FUNCTION guard_audit_entries()")
    op.drop_column("outbox_events", "context")
