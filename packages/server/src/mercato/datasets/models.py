"""Datasets, the panels built for them, rounds with their files, and the transitions of rounds."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class Dataset(Base):
    """What rounds are made from. `reader_id` is the only organisation that may see it; null: everybody."""

    __tablename__ = "datasets"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    summary: Mapped[str]
    card: Mapped[str]
    """Markdown: contents, sources, known defects."""
    reader_id: Mapped[str | None] = mapped_column(ForeignKey("organisations.id"))
    panel_id: Mapped[str | None]
    """The newest panel, from which the next round is made."""
    created_at: Mapped[datetime]


class StoredPanel(Base):
    """A panel in the object store, private to the marketplace. Immutable; new prices make a new one."""

    __tablename__ = "panels"
    __table_args__ = (Index("uq_panels_dataset_id_sha256", "dataset_id", "sha256", unique=True),)

    id: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"))
    object_key: Mapped[str]
    bytes: Mapped[int]
    sha256: Mapped[str]
    eras: Mapped[int]
    first_day: Mapped[str]
    last_day: Mapped[str]
    horizon_days: Mapped[int]
    lag_days: Mapped[int]
    features: Mapped[list[str]]
    sources: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """`{"package", "version", "file", "sha256", "gave"}` of each file that was read."""
    built_at: Mapped[datetime]


class Round(Base):
    """One period of data: open, closed, scored, resolved. At most one of a dataset is open."""

    __tablename__ = "rounds"
    __table_args__ = (
        CheckConstraint("state in ('open', 'closed', 'scored', 'resolved')", name="state"),
        CheckConstraint("first_era <= last_era and train_last_era < first_era", name="eras"),
        Index("uq_rounds_dataset_id_number", "dataset_id", "number", unique=True),
        Index("uq_rounds_open", "dataset_id", unique=True, postgresql_where=text("state = 'open'")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    dataset_id: Mapped[str] = mapped_column(ForeignKey("datasets.id"))
    panel_id: Mapped[str] = mapped_column(ForeignKey("panels.id"))
    number: Mapped[int]
    state: Mapped[str]
    first_era: Mapped[int]
    last_era: Mapped[int]
    train_last_era: Mapped[int]
    """The last era of training data: the eras between it and `first_era` are purged."""
    horizon_days: Mapped[int]
    lag_days: Mapped[int]
    opened_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    embargo_until: Mapped[datetime]
    scores_sha256: Mapped[str | None]
    """The checksum of the scores that the desk published."""


class RoundFile(Base):
    """A file of a round. Its checksum is public from the beginning, so that nobody can change targets afterwards."""

    __tablename__ = "round_files"

    round_id: Mapped[str] = mapped_column(ForeignKey("rounds.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    object_key: Mapped[str]
    bytes: Mapped[int]
    sha256: Mapped[str]
    rows: Mapped[int]


class RoundTransition(Base):
    """Who moved a round into a state, and why; append-only."""

    __tablename__ = "round_transitions"

    round_id: Mapped[str] = mapped_column(ForeignKey("rounds.id"), primary_key=True)
    state: Mapped[str] = mapped_column(primary_key=True)
    by: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]
