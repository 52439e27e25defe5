"""What consumption counts of services."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, PrimaryKeyConstraint, text
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
        # What is deleted when it is old, and where something failed of late.
        Index("ix_service_health_start", "seconds", "start"),
        Index("ix_service_health_failed", "start", postgresql_where=text("seconds = 60 AND failed > 0")),
    )

    service_id: Mapped[str]
    release_id: Mapped[str]
    seconds: Mapped[int]
    start: Mapped[datetime]
    calls: Mapped[int]
    failed: Mapped[int]
    latency: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
