"""The tables of consumption: health, alerts, disputed calls, reviews."""

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class ServiceHealth(Base):
    """The calls of one release that began in one minute or hour: `seconds` is 60 or 3600, `start` is UTC.

    Written with the usage events themselves, in their transaction. `failed` are those that count against the vendor;
    `latency` holds the buckets of `latency.BOUNDS_US` for those that were answered without an error.
    """

    __tablename__ = "service_health"
    __table_args__ = (
        PrimaryKeyConstraint("service_id", "seconds", "start", "release_id"),
        CheckConstraint("seconds in (60, 3600)", name="seconds"),
        # For deleting old rows, and for reading recent ones.
        Index("ix_service_health_start", "seconds", "start"),
    )

    service_id: Mapped[str]
    release_id: Mapped[str]
    seconds: Mapped[int]
    start: Mapped[datetime]
    calls: Mapped[int]
    failed: Mapped[int]
    latency: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


class ServiceAlert(Base):
    """A broken promise: its error budget burnt too fast. Active until `resolved_at`.

    `objective` is availability or latency, `severity` fast or slow (`burn.RULES`). `calls`, `bad` and the burn rate are
    those of the long window when it was opened. At most one of a kind is on for a service.
    """

    __tablename__ = "service_alerts"
    __table_args__ = (
        CheckConstraint("objective in ('availability', 'latency')", name="objective"),
        CheckConstraint("severity in ('fast', 'slow')", name="severity"),
        Index(
            "uq_service_alerts_on",
            "service_id",
            "objective",
            "severity",
            unique=True,
            postgresql_where=text("resolved_at IS NULL"),
        ),
        Index("ix_service_alerts_vendor_id", "vendor_id", "id"),
        Index("ix_service_alerts_service_id", "service_id", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"))
    vendor_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    objective: Mapped[str]
    severity: Mapped[str]
    budget_bp: Mapped[int]
    """The share of bad calls that is allowed, in ten thousandths."""
    burn_hundredths: Mapped[int]
    calls: Mapped[int]
    bad: Mapped[int]
    opened_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]


class DoubtedCalls(Base):
    """Calls of a service on one day whose counts cannot be true, by reason; written with the usage events."""

    __tablename__ = "doubted_calls"
    __table_args__ = (PrimaryKeyConstraint("service_id", "day", "reason"), Index("ix_doubted_calls_day", "day"))

    service_id: Mapped[str]
    day: Mapped[date]
    reason: Mapped[str]
    calls: Mapped[int]


class DisputeReview(Base):
    """A service that needs a person's review: on `day` the counts of `calls` calls could not be true.

    Open until `decided_at`; at most one is open per service. `verdict` is clear or hold.
    """

    __tablename__ = "dispute_reviews"
    __table_args__ = (
        CheckConstraint("verdict in ('clear', 'hold')", name="verdict"),
        Index("uq_dispute_reviews_open", "service_id", unique=True, postgresql_where=text("decided_at IS NULL")),
        Index("ix_dispute_reviews_vendor_id", "vendor_id", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"))
    vendor_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    day: Mapped[date]
    calls: Mapped[int]
    opened_at: Mapped[datetime]
    verdict: Mapped[str | None]
    reason: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
