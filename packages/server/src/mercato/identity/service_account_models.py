"""Service accounts: what acts for an organisation without being one of its people."""

from datetime import datetime

from sqlalchemy import ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class ServiceAccount(Base):
    """A program of an organisation. It has no password and signs in nowhere: keys that belong to it act for it.

    Its keys outlive whoever made them, and end with the account.
    """

    __tablename__ = "service_accounts"

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str]
    """Unique in the organisation, which is locked while one is made; an erasure may mask a part of it."""
    purpose: Mapped[str] = mapped_column(server_default=text("''"))
    rights: Mapped[list[str]]
    """What its keys may carry at most."""
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    disabled_by: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
