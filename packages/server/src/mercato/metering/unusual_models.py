"""Unusual hours that were found, and which hours were looked at."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, Index
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class UsageAnomaly(Base):
    """An unusual hour of a scope: a consumer's calls, those of a service, or all. One a day a scope.

    `normal_since` is set when somebody says that this is normal: as much again is then no news.
    """

    __tablename__ = "usage_anomalies"
    __table_args__ = (
        CheckConstraint("scope in ('consumer', 'service', 'market')", name="scope"),
        CheckConstraint("kind in ('more', 'less')", name="kind"),
        Index("uq_usage_anomalies_scope_day", "scope", "scope_id", "day", unique=True),
        Index("ix_usage_anomalies_organisation_id", "organisation_id", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str]
    scope_id: Mapped[str]
    organisation_id: Mapped[str]
    """Whose consumer or service it is; empty for all."""
    day: Mapped[date] = mapped_column(Date)
    hour: Mapped[datetime]
    metric: Mapped[str]
    kind: Mapped[str]
    value: Mapped[int]
    usual: Mapped[int]
    weeks: Mapped[int]
    score_percent: Mapped[int]
    sentence: Mapped[str]
    found_at: Mapped[datetime]
    normal_since: Mapped[datetime | None]
    normal_by: Mapped[str | None]


class JudgedHour(Base):
    """An hour that was looked at; the newest few are kept."""

    __tablename__ = "usage_judged_hours"

    hour: Mapped[datetime] = mapped_column(primary_key=True)
    judged_at: Mapped[datetime]
