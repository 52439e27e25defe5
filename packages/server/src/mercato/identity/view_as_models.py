"""Views: an operator's person reads what somebody of another organisation can read."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class View(Base):
    """One view of one person's pages, in one organisation, by one session of an operator.

    A session has at most one at a time; it names it. A view that was not ended ends by itself at `ends_at`.
    """

    __tablename__ = "views"
    __table_args__ = (
        Index("ix_views_organisation_id_id", "organisation_id", "id"),
        Index("ix_views_viewed_by_id", "viewed_by", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    session_id: Mapped[str]
    """The operator's login session, which is forgotten earlier than the view."""
    viewed_by: Mapped[str]
    """The person of the operator."""
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    """Whom they view as."""
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    """The only organisation that the view shows."""
    reason: Mapped[str]
    began_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """When the operator or the organisation ended it, before `ends_at`."""
