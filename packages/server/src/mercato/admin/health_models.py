"""What the probes of the marketplace's own services found: the present, quarter hours, changes, and depths."""

from datetime import datetime

from sqlalchemy import Index, PrimaryKeyConstraint, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class ServiceHealth(Base):
    """A service as it was found last. `recent` has a bit for each of the last three probes, set where it failed."""

    __tablename__ = "health_services"

    name: Mapped[str] = mapped_column(primary_key=True)
    probed_by: Mapped[str]
    state: Mapped[str]
    since: Mapped[datetime]
    probed_at: Mapped[datetime]
    recent: Mapped[int] = mapped_column(SmallInteger)
    latency_ms: Mapped[int | None]
    version: Mapped[str]
    detail: Mapped[str]


class HealthGauge(Base):
    """A figure of a service as it was read last."""

    __tablename__ = "health_gauges"
    __table_args__ = (PrimaryKeyConstraint("service", "name"),)

    service: Mapped[str]
    name: Mapped[str]
    value: Mapped[int]
    unit: Mapped[str]
    at: Mapped[datetime]


class HealthQuarter(Base):
    """The probes of a quarter hour; latency is that of the probes that were answered."""

    __tablename__ = "health_quarters"
    __table_args__ = (PrimaryKeyConstraint("service", "start"), Index("ix_health_quarters_start", "start"))

    service: Mapped[str]
    start: Mapped[datetime]
    probes: Mapped[int]
    failed: Mapped[int]
    latency_ms: Mapped[int]
    latency_max_ms: Mapped[int]


class HealthChange(Base):
    """A service went down or came back."""

    __tablename__ = "health_changes"
    __table_args__ = (Index("ix_health_changes_at", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    service: Mapped[str]
    before: Mapped[str]
    state: Mapped[str]
    detail: Mapped[str]
    at: Mapped[datetime]


class Prober(Base):
    """When a kind of process last probed: of its replicas, one does so every 30 seconds."""

    __tablename__ = "health_probers"

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
