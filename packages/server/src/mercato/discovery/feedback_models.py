"""What people found of results, kept by organisation."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class SearchFeedback(Base):
    """An organisation's last word on one result of one query. The person who gave it is not kept."""

    __tablename__ = "search_feedback"
    __table_args__ = (
        CheckConstraint("verdict in ('opened', 'useful', 'not_useful')", name="verdict"),
        CheckConstraint("position between 1 and 200", name="position"),
        Index("uq_search_feedback_result", "organisation_id", "query_digest", "service_id", unique=True),
        Index("ix_search_feedback_at", "at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    query: Mapped[str]
    """The words without capitals and double blanks, at most 200 characters."""
    query_digest: Mapped[str]
    """SHA-256 of `query`, which tells it from others also where an erasure masked something in it."""
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"))
    position: Mapped[int]
    verdict: Mapped[str]
    at: Mapped[datetime]
