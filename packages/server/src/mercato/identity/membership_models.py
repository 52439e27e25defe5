"""Organisations that people are in beside their own."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class Membership(Base):
    """A person in an organisation beside the one of their account, with a role there."""

    __tablename__ = "memberships"
    __table_args__ = (CheckConstraint("role in ('admin', 'approver', 'viewer')", name="role"),)

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), primary_key=True, index=True)
    role: Mapped[str]
    invited_by: Mapped[str]
    created_at: Mapped[datetime]
