"""Organisations, users, sessions and keys."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    false,
    text,
    true,
)
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
    suspended_at: Mapped[datetime | None]
    """Since when it calls nothing and signs nobody in."""
    suspended_reason: Mapped[str] = mapped_column(server_default="")
    allows_views: Mapped[bool] = mapped_column(Boolean, server_default=true())
    """Whether operators may view as its people."""


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
    password_hash: Mapped[str | None]
    """`None` for somebody who signs in through their organisation's identity provider only."""
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
    used_at: Mapped[datetime | None]
    """When it was last renewed."""
    proved_at: Mapped[datetime | None]
    """When the person last proved who they are in it, by password or second factor."""
    device: Mapped[str | None]
    """How the client names itself, at most 200 letters; shown to its owner."""
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey("organisations.id"))
    """Where it acts, where that is not the organisation of the person's account."""
    network: Mapped[str | None]
    """Where it was begun: the address without its last part (IPv4 /24, IPv6 /48)."""
    view_id: Mapped[str | None]
    """The newest view of somebody else's pages, of a session of the operator."""


class SecondFactor(Base):
    """An authenticator app of a person (TOTP, RFC 6238). It counts once its first code was shown."""

    __tablename__ = "second_factors"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str]
    sealed_secret: Mapped[bytes]
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """The time step of the newest code that was accepted; codes up to it are never accepted again."""


class RecoveryCode(Base):
    """A code that stands in for a second factor, once. Its digest is kept: it has 80 random bits."""

    __tablename__ = "recovery_codes"

    digest: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Passkey(Base):
    """A key pair that an authenticator of a person holds (WebAuthn); only its public half is here."""

    __tablename__ = "passkeys"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    """The authenticator's own name for it."""
    public_key: Mapped[bytes]
    sign_count: Mapped[int]
    """How often it signed, as it says; 0 where it does not count. One that goes back was copied."""
    name: Mapped[str]
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class PasskeyChallenge(Base):
    """What an authenticator signs next, once; its digest is kept."""

    __tablename__ = "passkey_challenges"

    digest: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    """Who adds a passkey; `None` where somebody signs in."""
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Invitation(Base):
    """An address that may join an organisation with a role. The link is derived from the id, so no secret is kept."""

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint("role in ('super_admin', 'admin', 'approver', 'viewer')", name="role"),
        Index("ix_invitations_organisation_id_id", "organisation_id", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    email: Mapped[str]
    role: Mapped[str]
    invited_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]


class PasswordReset(Base):
    """A person's wish for a new password. The link is derived from the id, so no secret is kept."""

    __tablename__ = "password_resets"

    id: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


class PendingLetter(Base):
    """A letter to a person that is to be sent. Its text is written when it is sent, so that no link is kept here."""

    __tablename__ = "letters"
    __table_args__ = (
        CheckConstraint("kind in ('invitation', 'password_reset', 'saved_search')", name="kind"),
        Index("ix_letters_subject_id", "subject_id"),
        Index("ix_letters_due_at", "due_at", postgresql_where=text("sent_at IS NULL AND failed_at IS NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[str]
    """The invitation, the password reset or the saved search."""
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    error: Mapped[str | None]


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
    proved_at: Mapped[datetime | None]
    """When the person who approves proved who they are."""


class SsoProvider(Base):
    """The identity provider of an organisation (OpenID Connect) and what its groups mean here."""

    __tablename__ = "sso_providers"
    __table_args__ = (CheckConstraint("default_role in ('admin', 'approver', 'viewer')", name="default_role"),)

    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    issuer: Mapped[str]
    client_id: Mapped[str]
    sealed_secret: Mapped[bytes]
    groups_claim: Mapped[str]
    role_of_group: Mapped[dict[str, Any]]
    """By group; where it is empty, roles are given here and the provider does not change them."""
    default_role: Mapped[str | None]
    """Of somebody with none of the groups; `None`: they may not sign in."""
    domains: Mapped[list[str]]
    """Mail domains of people who may join without an invitation; they also narrow whose address links an account."""
    has_passwords: Mapped[bool] = mapped_column(Boolean, server_default=true())
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    worked_at: Mapped[datetime | None]
    """When somebody last signed in through it as it is configured now."""


class SsoAccount(Base):
    """Who a subject of an issuer is here. A subject is bound once and never to somebody else."""

    __tablename__ = "sso_accounts"

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), unique=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    created_at: Mapped[datetime]
    signed_in_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    """When the provider's groups gave no role any longer, which disabled the person."""


class SsoSignIn(Base):
    """A sign-in under way at an identity provider. `state`, nonce and code verifier are not kept, digests are."""

    __tablename__ = "sso_sign_ins"
    __table_args__ = (CheckConstraint("purpose in ('sign_in', 'link', 'proof', 'device')", name="purpose"),)

    state_digest: Mapped[str] = mapped_column(primary_key=True)
    binding_digest: Mapped[str]
    """Of what the browser or program that began holds, and nobody else."""
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    issuer: Mapped[str]
    client_id: Mapped[str]
    purpose: Mapped[str]
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id"))
    """Who links their account or proves themselves."""
    session_id: Mapped[str | None]
    """The session whose proof is renewed."""
    user_code: Mapped[str | None]
    """The device that is to be approved."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    used_at: Mapped[datetime | None]


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
    service_account_id: Mapped[str | None] = mapped_column(ForeignKey("service_accounts.id"), index=True)
    """Whose it is, where that is no person."""
    held_services: Mapped[list[str]] = mapped_column(server_default=text("'[]'::jsonb"))
    """The only services that it calls; empty: all that the organisation subscribes to."""
    held_addresses: Mapped[list[str]] = mapped_column(server_default=text("'[]'::jsonb"))
    """The only networks that it is taken from; empty: any."""


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


class PersonKey(Base):
    """The key of a person for what is written once and names them. Without it nobody reads that again.

    `key` is null once it was destroyed; the row stays, so that none is made again.
    """

    __tablename__ = "person_keys"

    person_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[bytes | None] = mapped_column(LargeBinary)
    made_at: Mapped[datetime]
    destroyed_at: Mapped[datetime | None]
