"""The table of the edge."""

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class IdempotentAnswer(Base):
    """An answer that was given. `name` is a digest of who asked, where, and with which key."""

    __tablename__ = "idempotent_answers"

    name: Mapped[str] = mapped_column(primary_key=True)
    body_digest: Mapped[str]
    status: Mapped[int]
    media_type: Mapped[str]
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    at: Mapped[datetime] = mapped_column(index=True)
