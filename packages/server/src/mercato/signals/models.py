"""The log of signals, results of rounds, kill switches, and the desk's chained record."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base, SignedHead, SubtreeRoot


class SignalEntry(Base):
    """One write, at its place in the log. Immutable: a later write of the same era is another entry.

    `leaf` is the hash of `entry` (RFC 6962); `scores_sha256` is in the entry, so the scores are bound by it too.
    """

    __tablename__ = "signal_entries"
    __table_args__ = (
        Index("ix_signal_entries_written", "round_id", "deployment_id", "era", "place"),
        Index("ix_signal_entries_vendor_id", "vendor_id", "place"),
    )

    place: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(unique=True)
    deployment_id: Mapped[str]
    vendor_id: Mapped[str]
    round_id: Mapped[str]
    era: Mapped[int]
    scores: Mapped[dict[str, float]] = mapped_column(JSONB)
    scores_sha256: Mapped[str]
    entry: Mapped[str]
    leaf: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    received_at: Mapped[datetime]


class SignalNode(SubtreeRoot, Base):
    """The root of a whole subtree of the log."""

    __tablename__ = "signal_nodes"
    __table_args__ = (PrimaryKeyConstraint("level", "number"),)


class SignalHead(SignedHead, Base):
    """A signed state of the log: see `mercato_contracts.signals.TreeHead`."""

    __tablename__ = "signal_heads"

    state: Mapped[str] = mapped_column("root")


class DeskDocument(Base):
    """What the desk published of a round, byte for byte: `inputs` and `scores` (era 0), `consensus`, `portfolio`."""

    __tablename__ = "desk_documents"
    __table_args__ = (PrimaryKeyConstraint("round_id", "kind", "era"),)

    round_id: Mapped[str]
    kind: Mapped[str]
    era: Mapped[int]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    sha256: Mapped[str]
    at: Mapped[datetime]


class DeploymentRoundScore(Base):
    """One deployment's result in one round: what leaderboard, weights and triggers read."""

    __tablename__ = "deployment_round_scores"
    __table_args__ = (
        PrimaryKeyConstraint("deployment_id", "round_id"),
        Index("ix_deployment_round_scores_round", "dataset_id", "number"),
    )

    deployment_id: Mapped[str]
    round_id: Mapped[str]
    dataset_id: Mapped[str]
    number: Mapped[int]
    vendor_id: Mapped[str]
    vendor: Mapped[str]
    weight: Mapped[int]
    figures: Mapped[dict[str, Any]]
    """A `DeploymentScore`."""
    at: Mapped[datetime]


class KillSwitch(Base):
    """A thrown switch: what it covers gets no calls and no weight in a consensus until it is lifted."""

    __tablename__ = "kill_switches"
    __table_args__ = (
        CheckConstraint("scope in ('deployment', 'vendor', 'all')", name="scope"),
        Index(
            "uq_kill_switches_thrown", "scope", "target", "origin", unique=True,
            postgresql_where=text("lifted_at is null"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True)
    scope: Mapped[str]
    target: Mapped[str]
    """A deployment's id, a vendor's id, or `*`."""
    origin: Mapped[str]
    """`operator`, or the automatic trigger that threw it."""
    reason: Mapped[str]
    by: Mapped[str]
    thrown_at: Mapped[datetime]
    lifted_by: Mapped[str | None]
    lifted_at: Mapped[datetime | None]


class DeskEvent(Base):
    """One line of the desk's record. `digest` covers the line and the digest before it, so that no line can be altered,
    added in between or taken out unseen; rows are only ever added, and the database refuses all else."""

    __tablename__ = "desk_events"

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[str]
    actor: Mapped[str]
    what: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    facts: Mapped[str]
    digest: Mapped[str]


class DeskRecordHead(SignedHead, Base):
    """A signed state of the desk's record: see `mercato_contracts.record.RecordHead`. Only ever added to."""

    __tablename__ = "desk_record_heads"

    state: Mapped[str] = mapped_column("digest")


class BacktestClaim(Base):
    """A vendor's claim about its signal on past eras, made before it went live, to compare with live results."""

    __tablename__ = "backtest_claims"

    deployment_id: Mapped[str] = mapped_column(ForeignKey("deployments.id"), primary_key=True)
    eras: Mapped[int]
    mean_ic: Mapped[float]
    deviation: Mapped[float]
    source: Mapped[str]
    claimed_at: Mapped[datetime]
