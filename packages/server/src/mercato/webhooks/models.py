"""Endpoints at which organisations receive events, the messages, and their deliveries."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class WebhookEndpoint(Base):
    """An address of an organisation.

    `failing_since`: since when nothing was delivered; `disabled_reason` is empty while it is enabled.
    """

    __tablename__ = "webhook_endpoints"
    __table_args__ = (Index("ix_webhook_endpoints_organisation_id", "organisation_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    url: Mapped[str]
    event_types: Mapped[list[str]]
    """Empty: every kind of event."""
    description: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    failing_since: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str] = mapped_column(server_default="")


class WebhookSecret(Base):
    """A signing secret, sealed. An older one signs beside the newest until `expires_at`."""

    __tablename__ = "webhook_secrets"

    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class WebhookMessage(Base):
    """One piece of news for one organisation: the same `id` and content at every endpoint and every attempt."""

    __tablename__ = "webhook_messages"
    __table_args__ = (Index("ix_webhook_messages_at", "at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    event_type: Mapped[str]
    payload: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class WebhookDelivery(Base):
    """A message on its way to an endpoint. `attempts` counts those of this round; a redelivery begins a new one."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "message_id"),
        CheckConstraint("state in ('pending', 'delivered', 'failed')", name="state"),
        Index("ix_webhook_deliveries_due", "next_at", postgresql_where=text("state = 'pending'")),
        Index("ix_webhook_deliveries_message_id", "message_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(ForeignKey("webhook_messages.id", ondelete="CASCADE"))
    state: Mapped[str]
    attempts: Mapped[int]
    next_at: Mapped[datetime]
    """When it is due; while a worker delivers it, when it is due again if that worker dies."""
    ended_at: Mapped[datetime | None]


class WebhookAttempt(Base):
    """One request and its outcome: the status, or why there was none. Bodies are not kept."""

    __tablename__ = "webhook_attempts"
    __table_args__ = (Index("ix_webhook_attempts_delivery_id", "delivery_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    delivery_id: Mapped[str] = mapped_column(ForeignKey("webhook_deliveries.id", ondelete="CASCADE"))
    at: Mapped[datetime]
    status: Mapped[int | None]
    error: Mapped[str]
    took_ms: Mapped[int]
