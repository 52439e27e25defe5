"""Usage events, disputes, counted scopes, leases, gateways and budgets."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class MeteredCall(Base):
    """One metered call, written once and never changed; its prices are the control plane's own.

    The table is partitioned by the month of `at`. A unique index of a partitioned table must hold the partition key,
    so (id, at) alone would let one id in twice with another `at`. Therefore `at` is the time inside the id (UUIDv7):
    one id has one `at`, and uniqueness needs no second table. `called_at` is when the gateway says the call began.
    """

    __tablename__ = "usage_events"
    __table_args__ = (
        PrimaryKeyConstraint("id", "at"),
        Index("ix_usage_events_consumer_id_at", "consumer_id", "at"),
        Index("ix_usage_events_vendor_id_at", "vendor_id", "at"),
        Index("ix_usage_events_consumer_id_failed", "consumer_id", "at", postgresql_where=text("status >= 400")),
        Index("ix_usage_events_vendor_id_failed", "vendor_id", "at", postgresql_where=text("status >= 400")),
        Index("ix_usage_events_key_id_at", "key_id", "at"),
        Index("ix_usage_events_service_id_at", "service_id", "at"),
        Index("ix_usage_events_request_id", "request_id"),
        {"postgresql_partition_by": "RANGE (at)"},
    )

    id: Mapped[str]
    at: Mapped[datetime]
    called_at: Mapped[datetime]
    journal_id: Mapped[str | None]
    """The ledger's journal that this call is part of; none for a call that nobody can be billed for (see disputes)."""
    gateway: Mapped[str]
    request_id: Mapped[str]
    consumer_id: Mapped[str]
    key_id: Mapped[str]
    subscription_id: Mapped[str]
    plan_id: Mapped[str]
    vendor_id: Mapped[str]
    service_id: Mapped[str]
    release_id: Mapped[str]
    deployment_id: Mapped[str]
    protocol: Mapped[str]
    operation: Mapped[str]
    status: Mapped[int]
    streamed: Mapped[bool]
    client_left: Mapped[bool]
    tokens_in: Mapped[int]
    tokens_out: Mapped[int]
    tokens_cached: Mapped[int]
    bytes_in: Mapped[int]
    bytes_out: Mapped[int]
    first_byte_us: Mapped[int]
    duration_us: Mapped[int]
    overhead_us: Mapped[int]
    included: Mapped[int]
    price_nanos: Mapped[int]
    currency: Mapped[str]
    source: Mapped[str]
    asked_service_id: Mapped[str | None]
    """The service that the call had named, where a fallback answered in its place."""
    unpaid_tokens_in: Mapped[int] = mapped_column(server_default=text("0"))
    """What the service used beyond all that the call's limits had left: charged to nobody."""
    unpaid_tokens_out: Mapped[int] = mapped_column(server_default=text("0"))
    unpaid_nanos: Mapped[int] = mapped_column(server_default=text("0"))
    ended_by: Mapped[str | None]
    """The code of the limit that ended the stream before its time."""
    doubt: Mapped[str | None]
    """Why the service's own counts cannot be true; the tokens are then the gateway's count."""
    claimed_tokens_in: Mapped[int | None]
    claimed_tokens_out: Mapped[int | None]
    spends: Mapped[list[Any] | None] = mapped_column(JSONB)
    """`[lease id, units]` of every slice that the call spent from; none of a call before this was kept."""


class UsageDispute(Base):
    """A usage event on which gateway and control plane disagree: what was claimed, what was posted, and why."""

    __tablename__ = "usage_disputes"

    event_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    gateway: Mapped[str]
    reasons: Mapped[list[str]]
    claimed: Mapped[dict[str, Any]]
    claimed_nanos: Mapped[int]
    posted_nanos: Mapped[int]


class Counter(Base):
    """A scope in one window. Quotas count `used` and `leased`; token buckets have `level_micro` at `refilled_at`."""

    __tablename__ = "counters"

    scope: Mapped[str] = mapped_column(primary_key=True)
    window_start: Mapped[datetime] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(server_default=text("0"))
    leased: Mapped[int] = mapped_column(server_default=text("0"))
    level_micro: Mapped[int | None]
    refilled_at: Mapped[datetime | None]


class Lease(Base):
    """A slice of a counter lent to one life of one gateway. Counted until it is closed, also once it has expired."""

    __tablename__ = "leases"
    __table_args__ = (
        Index("ix_leases_open", "gateway", postgresql_where=text("closed_at IS NULL")),
        Index("ix_leases_closed_at", "closed_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    gateway: Mapped[str]
    life: Mapped[str]
    batch: Mapped[str] = mapped_column(server_default="")
    """What the gateway called its asking, so that it can say that no answer came."""
    scope: Mapped[str]
    window_start: Mapped[datetime]
    unit: Mapped[str]
    granted: Mapped[int]
    spent: Mapped[int] = mapped_column(server_default=text("0"))
    granted_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class GatewayLife(Base):
    """A life of a gateway process: when it last asked for something."""

    __tablename__ = "gateway_lives"

    gateway: Mapped[str] = mapped_column(primary_key=True)
    life: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime]
    shipped_to: Mapped[datetime | None]
    """The newest event that it has shipped: its spool is in order, so everything older has arrived too."""


class Budget(Base):
    """A cap that an organisation sets on itself, on one of its keys, or as a vendor on all calls of its services.

    `scope` is the counted scope's whole name.
    """

    __tablename__ = "budgets"
    __table_args__ = (
        CheckConstraint("unit in ('nanos', 'requests', 'tokens', 'concurrent')", name="unit"),
        CheckConstraint("\"window\" in ('second', 'minute', 'day', 'month', 'ever')", name="window"),
        CheckConstraint("cap >= 0", name="cap"),
    )

    scope: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    key_id: Mapped[str | None] = mapped_column(ForeignKey("keys.id"))
    """The first key of the lineage that it caps."""
    unit: Mapped[str]
    window: Mapped[str]
    cap: Mapped[int]
    set_by: Mapped[str]
    set_at: Mapped[datetime]
