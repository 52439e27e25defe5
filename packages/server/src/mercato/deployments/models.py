"""What is stored about deployments, apart from what publishing needs for routing."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class DeploymentLink(Base):
    """A deployment that sends heartbeats: the key that it signs with, and when the last one came."""

    __tablename__ = "deployment_links"
    __table_args__ = (
        CheckConstraint("state in ('linked', 'live', 'stale')", name="state"),
        CheckConstraint("interval_seconds between 1 and 3600", name="interval"),
        Index("ix_deployment_links_due_at", "due_at"),
    )

    deployment_id: Mapped[str] = mapped_column(ForeignKey("deployments.id"), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    public_key: Mapped[str]
    """Ed25519, its 32 bytes in base64."""
    interval_seconds: Mapped[int]
    """How often it sends a heartbeat, in seconds."""
    state: Mapped[str]
    due_at: Mapped[datetime]
    """When it becomes stale, unless a heartbeat arrives first."""
    sequence: Mapped[int]
    """The sequence of the last heartbeat; the next one must be higher. 0 before the first."""
    heard_at: Mapped[datetime | None]
    figures: Mapped[dict[str, Any]]
    """The figures of the last heartbeat."""
    linked_at: Mapped[datetime]
