"""The audit log: entries, tree, heads, anchors, refusals of the minute. Announcements. Holds, erasures, copies."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base, SignedHead, SubtreeRoot


class AuditRow(Base):
    """An entry at its place in the log; the database refuses to change or delete it.

    `leaf` is the hash of `entry` (RFC 9162), the core as text. `details` is bound by its digest in `entry`; it is
    sealed with the keys of the people whom it names, and null once it was erased. The other columns repeat the entry
    for filters; an organisation is empty where only operators see the entry.
    """

    __tablename__ = "audit_entries"
    __table_args__ = tuple(
        Index(f"ix_audit_entries_{column}_place", column, "place")
        for column in ("organisation_id", "actor_id", "target_id", "verb")
    )

    place: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(unique=True)
    at: Mapped[datetime]
    verb: Mapped[str]
    outcome: Mapped[str]
    actor_id: Mapped[str]
    organisation_id: Mapped[str]
    target_type: Mapped[str]
    target_id: Mapped[str]
    entry: Mapped[str]
    leaf: Mapped[bytes] = mapped_column(LargeBinary)
    details: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))


class AuditNode(SubtreeRoot, Base):
    """The root of a whole subtree of the log."""

    __tablename__ = "audit_nodes"
    __table_args__ = (PrimaryKeyConstraint("level", "number"),)


class AuditHeadRow(SignedHead, Base):
    """A signed state of the log: see `mercato_contracts.audit.AuditHead`."""

    __tablename__ = "audit_heads"

    state: Mapped[str] = mapped_column("root")


class AuditAnchor(Base):
    """A head that was also put into the object store, under `object_key`."""

    __tablename__ = "audit_anchors"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    object_key: Mapped[str]
    at: Mapped[datetime]


class RefusedRow(Base):
    """Refusals of one kind to one asker within a minute, counted."""

    __tablename__ = "audit_refusals"
    __table_args__ = (PrimaryKeyConstraint("minute", "asker", "code", "route"),)

    minute: Mapped[datetime]
    asker: Mapped[str]
    code: Mapped[str]
    route: Mapped[str]
    count: Mapped[int]
    detail: Mapped[str]
    context: Mapped[dict[str, Any]]


class LegalHold(Base):
    """Why what is known of a person may not be erased yet; at most one is in force for a person."""

    __tablename__ = "legal_holds"
    __table_args__ = (
        Index("uq_legal_holds_in_force", "person_id", unique=True, postgresql_where=text("lifted_at IS NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    reason: Mapped[str]
    placed_by: Mapped[str]
    placed_at: Mapped[datetime]
    lifted_by: Mapped[str | None]
    lifted_at: Mapped[datetime | None]


class Erasure(Base):
    """A person who was, or is being, erased. It names nobody: `person_id` leads to an empty account afterwards.

    `counts` says what went: rows by table, files, entries.
    """

    __tablename__ = "erasures"
    __table_args__ = (Index("ix_erasures_organisation_id_id", "organisation_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(unique=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    counts: Mapped[dict[str, Any]] = mapped_column(server_default="{}")


class PersonExport(Base):
    """A copy of what is known of a person, in the object store under `object_key` until it expires."""

    __tablename__ = "person_exports"
    __table_args__ = (Index("ix_person_exports_person_id_id", "person_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    asked_by: Mapped[str]
    asked_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ready_at: Mapped[datetime | None]
    object_key: Mapped[str]
    bytes: Mapped[int] = mapped_column(server_default="0")
    sha256: Mapped[str] = mapped_column(server_default="")
    counts: Mapped[dict[str, Any]] = mapped_column(server_default="{}")


class Announcement(Base):
    """A notice of the operator to everybody, in force from `starts_at` until `ends_at`."""

    __tablename__ = "announcements"
    __table_args__ = (
        CheckConstraint("kind in ('notice', 'maintenance')", name="kind"),
        Index("ix_announcements_ends_at", "ends_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    text: Mapped[str]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    made_by: Mapped[str]
    made_at: Mapped[datetime]
