"""Searches that found nothing that fits, so that operators see what is missing."""

from datetime import datetime

from sqlalchemy import Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class SearchMiss(Base):
    """What one asker looked for in vain on one day. `asker` is a digest that means nothing in another month."""

    __tablename__ = "search_misses"
    __table_args__ = (Index("ix_search_misses_at", "at"),)

    at: Mapped[datetime] = mapped_column(primary_key=True)
    """The start of the day, UTC."""
    words_digest: Mapped[str] = mapped_column(primary_key=True)
    """SHA-256 of `words`, which tells them from others also where an erasure masked something in them."""
    asker: Mapped[str] = mapped_column(primary_key=True)
    words: Mapped[str]
    """Without capitals and double blanks; empty where they were too long or looked private, and are not kept."""
    searches: Mapped[int] = mapped_column(Integer)
