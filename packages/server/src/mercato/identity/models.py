"""Organisations, users, sessions and keys."""

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, false, text
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class Organisation(Base):
    """A vendor, a consumer, both, or the operator."""

    __tablename__ = "organisations"

    id: Mapped[str] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    is_operator: Mapped[bool] = mapped_column(Boolean, server_default=false())
    is_verified: Mapped[bool] = mapped_column(Boolean, server_default=false())
    created_at: Mapped[datetime]


class User(Base):
    """A person in one organisation, with one role. `email` is stored in lower case."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("role in ('super_admin', 'admin', 'approver', 'viewer', 'service_account')", name="role"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    role: Mapped[str]
    password_hash: Mapped[str]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class LoginSession(Base):
    """A chain of refresh tokens. `refresh_digest` is of the newest; an older one shown again ends the chain."""

    __tablename__ = "login_sessions"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    refresh_digest: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class DeviceLogin(Base):
    """A device that waits for a person's approval. What is secret is kept as a digest; the short code is shown."""

    __tablename__ = "device_logins"
    __table_args__ = (CheckConstraint("state in ('pending', 'approved', 'denied', 'used')", name="state"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    device_digest: Mapped[str] = mapped_column(unique=True)
    user_code: Mapped[str] = mapped_column(unique=True)
    device: Mapped[str]
    state: Mapped[str]
    interval_seconds: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    asked_at: Mapped[datetime | None]
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    confirmation_digest: Mapped[str | None] = mapped_column(unique=True)


class Key(Base):
    """A key of an organisation. Only the argon2id hash of its secret is kept.

    After a rotation the old row lives on as `rotated_to` until `expires_at`, which is never later than it was.
    Every key of a chain of rotations has the same `lineage_id`, the id of the first: limits, and what was used of
    them, are kept under it and outlive a rotation.
    """

    __tablename__ = "keys"
    __table_args__ = (
        CheckConstraint("kind in ('ck', 'vk')", name="kind"),
        Index("ix_keys_organisation_id_created_at", "organisation_id", "created_at"),
        # Each lineage has one key that was not rotated yet.
        Index("uq_keys_lineage_id_newest", "lineage_id", unique=True, postgresql_where=text("rotated_to IS NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[str]
    name: Mapped[str]
    scopes: Mapped[list[str]]
    secret_hash: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    rotated_to: Mapped[str | None]
    lineage_id: Mapped[str]


class DeploymentToken(Base):
    """A `sit_` token, exchanged for the vendor key `subject_key_id`, for one deployment.

    Its secret has 256 random bits, so its SHA-256 is kept: nothing can be guessed, nothing slow is needed. It is in
    force no longer than the key that it was exchanged for.
    """

    __tablename__ = "deployment_tokens"
    __table_args__ = (Index("ix_deployment_tokens_deployment_id", "deployment_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    deployment_id: Mapped[str]
    """Of publishing, a higher room, which has been asked whose it is."""
    subject_key_id: Mapped[str] = mapped_column(ForeignKey("keys.id"), index=True)
    scopes: Mapped[list[str]]
    secret_digest: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class FailedAttempts(Base):
    """How often somebody failed to prove themselves; `name` is a digest of what was attacked."""

    __tablename__ = "failed_attempts"

    name: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    failed_at: Mapped[datetime] = mapped_column(index=True)
    blocked_until: Mapped[datetime]


class DeploymentAllowance(Base):
    """When a deployment's allowance of requests will be full again: the whole state of its bucket."""

    __tablename__ = "deployment_allowances"

    deployment_id: Mapped[str] = mapped_column(primary_key=True)
    full_at: Mapped[datetime]
