"""Searches that organisations keep, and what each has reported."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class SavedSearch(Base):
    """An organisation hears of every service that newly fits."""

    __tablename__ = "saved_searches"
    __table_args__ = (Index("uq_saved_searches_organisation_id_name", "organisation_id", "name", unique=True),)

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str]
    asked: Mapped[dict[str, Any]]
    """The parameters of the search as they were sent."""
    means: Mapped[dict[str, Any]]
    """`fitting.Wanted.to_facts`: what was read from them."""
    embedder: Mapped[str]
    """The model that made `vector`; empty while there was none."""
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    mail_to: Mapped[str | None]
    """The person who also hears by mail."""


class SavedSearchFit(Base):
    """A service that was reported, once for each search."""

    __tablename__ = "saved_search_fits"
    __table_args__ = (
        Index("ix_saved_search_fits_found_at", "saved_search_id", "id"),
        Index("ix_saved_search_fits_letter_id", "letter_id", postgresql_where=text("letter_id IS NOT NULL")),
    )

    saved_search_id: Mapped[str] = mapped_column(ForeignKey("saved_searches.id", ondelete="CASCADE"), primary_key=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"), primary_key=True)
    id: Mapped[str]
    version: Mapped[str]
    found_at: Mapped[datetime]
    letter_id: Mapped[str | None]
    """The one letter that tells of it, where somebody wants mail."""
