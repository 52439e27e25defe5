"""Whether the sums of usage, its events and the ledger agreed, day by day."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Date
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class UsageAgreement(Base):
    """The newest comparison of one day, UTC: calls that stand in the ledger and nano-units by currency, three times.

    `differing` combinations of consumer, vendor, service and currency disagree; the first ones are in `differences`.
    """

    __tablename__ = "usage_agreements"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    checked_at: Mapped[datetime]
    event_calls: Mapped[int]
    rollup_calls: Mapped[int]
    posted_calls: Mapped[int]
    differing: Mapped[int]
    event_nanos: Mapped[dict[str, Any]]
    rollup_nanos: Mapped[dict[str, Any]]
    posted_nanos: Mapped[dict[str, Any]]
    differences: Mapped[list[Any]] = mapped_column(JSONB)
