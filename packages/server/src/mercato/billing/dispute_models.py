"""The table of disputes of single calls."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class CallDispute(Base):
    """A consumer's objection to what one call was charged.

    `state` is `open` until it ends as `agreed` (the vendor gives the charge back), `upheld` or `rejected` (an operator
    decides) or `withdrawn`. A call has one dispute at most, not counting withdrawn ones. `disputed_nanos` is what the
    call stood at when it was opened, `returned_nanos` what `adjustment_id` gave back.
    """

    __tablename__ = "call_disputes"
    __table_args__ = (
        Index("uq_call_disputes_event_id", "event_id", unique=True, postgresql_where=text("state <> 'withdrawn'")),
        Index("ix_call_disputes_event_id", "event_id"),
        Index("ix_call_disputes_consumer_id", "consumer_id", "id"),
        Index("ix_call_disputes_vendor_id", "vendor_id", "id"),
        Index("ix_call_disputes_open", "id", postgresql_where=text("state = 'open'")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str]
    consumer_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    vendor_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    service_id: Mapped[str]
    kind: Mapped[str]
    words: Mapped[str]
    disputed_nanos: Mapped[int]
    currency: Mapped[str]
    opened_by: Mapped[str]
    opened_at: Mapped[datetime]
    state: Mapped[str]
    answer: Mapped[str | None]
    answered_by: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    closed_by: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    returned_nanos: Mapped[int]
    adjustment_id: Mapped[str | None] = mapped_column(ForeignKey("adjustments.id"))
