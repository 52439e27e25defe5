"""Analytics as the worker made them last."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class AnalyticsReport(Base):
    """One report: of everything before `until`, from inputs of this SHA-256 `digest`; the same inputs, the same
    figures."""

    __tablename__ = "analytics_reports"

    name: Mapped[str] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    until: Mapped[datetime]
    digest: Mapped[str]
    figures: Mapped[list[Any]] = mapped_column(JSONB)


class RefusalDay(Base):
    """How often something was refused with one code on one day."""

    __tablename__ = "refusal_days"

    at: Mapped[datetime] = mapped_column(primary_key=True)
    """The start of the day, UTC."""
    code: Mapped[str] = mapped_column(primary_key=True)
    refusals: Mapped[int] = mapped_column(BigInteger)
