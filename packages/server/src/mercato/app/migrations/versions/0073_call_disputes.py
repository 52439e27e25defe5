"""Disputes of single calls."""

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text, time = sa.Text(), sa.DateTime(timezone=True)
    op.create_table(
        "call_disputes",
        *(sa.Column(name, text, nullable=False) for name in ("id", "event_id", "consumer_id", "vendor_id")),
        *(sa.Column(name, text, nullable=False) for name in ("service_id", "kind", "words")),
        sa.Column("disputed_nanos", sa.BigInteger(), nullable=False),
        *(sa.Column(name, text, nullable=False) for name in ("currency", "opened_by")),
        sa.Column("opened_at", time, nullable=False),
        sa.Column("state", text, nullable=False),
        *(sa.Column(name, text, nullable=True) for name in ("answer", "answered_by")),
        sa.Column("answered_at", time, nullable=True),
        *(sa.Column(name, text, nullable=True) for name in ("reason", "closed_by")),
        sa.Column("closed_at", time, nullable=True),
        sa.Column("returned_nanos", sa.BigInteger(), nullable=False),
        sa.Column("adjustment_id", text, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_disputes")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_call_disputes_{column}"))
            for column, table in (
                ("consumer_id", "organisations"),
                ("vendor_id", "organisations"),
                ("adjustment_id", "adjustments"),
            )
        ),
    )
    op.create_index(
        op.f("uq_call_disputes_event_id"),
        "call_disputes",
        ["event_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'withdrawn'"),
    )
    op.create_index(op.f("ix_call_disputes_event_id"), "call_disputes", ["event_id"])
    op.create_index(op.f("ix_call_disputes_consumer_id"), "call_disputes", ["consumer_id", "id"])
    op.create_index(op.f("ix_call_disputes_vendor_id"), "call_disputes", ["vendor_id", "id"])
    op.create_index(op.f("ix_call_disputes_open"), "call_disputes", ["id"], postgresql_where=sa.text("state = 'open'"))


def downgrade() -> None:
    op.drop_table("call_disputes")
