"""What vendors promise of their services, and alerts where it is not kept."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("services", sa.Column("availability_bp", sa.BigInteger))
    op.add_column("services", sa.Column("p95_latency_ms", sa.BigInteger))
    op.drop_index("ix_service_health_failed", "service_health")
    op.create_table(
        "service_alerts",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("service_id", sa.Text, sa.ForeignKey("services.id"), nullable=False),
        sa.Column("vendor_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False),
        sa.Column("objective", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("budget_bp", "burn_hundredths", "calls", "bad")),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("resolved_at", _TIME),
        sa.CheckConstraint("objective in ('availability', 'latency')", name="objective"),
        sa.CheckConstraint("severity in ('fast', 'slow')", name="severity"),
    )
    op.create_index(
        "uq_service_alerts_on",
        "service_alerts",
        ["service_id", "objective", "severity"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index("ix_service_alerts_vendor_id", "service_alerts", ["vendor_id", "id"])
    op.create_index("ix_service_alerts_service_id", "service_alerts", ["service_id", "id"])


def downgrade() -> None:
    op.drop_table("service_alerts")
    op.create_index(
        "ix_service_health_failed",
        "service_health",
        ["start"],
        postgresql_where=sa.text("seconds = 60 AND failed > 0"),
    )
    op.drop_column("services", "p95_latency_ms")
    op.drop_column("services", "availability_bp")
