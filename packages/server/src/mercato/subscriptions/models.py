"""Subscriptions."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class Subscription(Base):
    """A consumer's right to call a service under one plan, which never changes. One is active for each service.

    Renewing a cancelled subscription to the same plan reuses its row, so the month's quota is not reset. Months are
    calendar months, UTC.
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint("status in ('active', 'cancelled')", name="status"),
        Index("uq_subscriptions_consumer_id_plan_id", "consumer_id", "plan_id", unique=True),
        Index(
            "uq_subscriptions_active",
            "consumer_id",
            "service_id",
            unique=True,
            postgresql_where=text("status = 'active'"),
        ),
        Index("ix_subscriptions_service_id", "service_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    consumer_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    vendor_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"))
    plan_id: Mapped[str] = mapped_column(ForeignKey("plans.id"))
    status: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    active_since: Mapped[datetime]
    cancelled_at: Mapped[datetime | None]
