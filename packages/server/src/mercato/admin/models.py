"""The audit log's entries, tree, heads and anchors; refusals that wait for their minute's end; announcements."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, PrimaryKeyConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base, SignedHead, SubtreeRoot


class AuditRow(Base):
    """An entry at its place in the log; the database refuses to change or delete it.

    `leaf` is the hash of `entry` (RFC 9162), the core as text. `details` is bound by its digest in `entry`, and null
    once it was erased. The other columns repeat the entry for filters; an organisation is empty where only operators
    see the entry.
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


class Announcement(Base):
    """What the operator tells everybody, in force from `starts_at` until `ends_at`."""

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
