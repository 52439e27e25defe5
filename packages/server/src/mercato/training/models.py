"""Runs, what they reported, said and left."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base

STATES = "'queued', 'running', 'collecting', 'succeeded', 'failed', 'timed_out', 'stopped'"
OPEN = "state in ('queued', 'running', 'collecting')"


class Run(Base):
    """A training run. It leaves a state only forwards, and a terminal one never."""

    __tablename__ = "training_runs"
    __table_args__ = (
        CheckConstraint(f"state in ({STATES})", name="state"),
        Index("ix_training_runs_organisation_id", "organisation_id", "id"),
        Index("ix_training_runs_open", "deadline_at", postgresql_where=text(OPEN)),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    created_by: Mapped[str]
    spec: Mapped[dict[str, Any]]
    provider: Mapped[str]
    code_sha256: Mapped[str]
    data_sha256: Mapped[str | None]
    """Of the round's training file."""
    data_key: Mapped[str | None]
    """Where that file is in the object store."""
    environment: Mapped[dict[str, Any]]
    state: Mapped[str]
    why: Mapped[str]
    handle: Mapped[str | None]
    """What the provider knows it by."""
    launching_at: Mapped[datetime | None]
    """When a worker began to launch it: another one that finds this looks for the job and launches none."""
    stop_asked_at: Mapped[datetime | None]
    seconds: Mapped[int]
    """How long it may run."""
    nanos_per_hour: Mapped[int]
    milliseconds: Mapped[int]
    """How long it has run."""
    cost_nanos: Mapped[int]
    log_bytes: Mapped[int]
    metrics: Mapped[dict[str, Any]]
    exit_code: Mapped[int | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime]


class RunStep(Base):
    """What the code reported at a step; the same step again replaces it, in whatever order they come."""

    __tablename__ = "training_steps"

    run_id: Mapped[str] = mapped_column(ForeignKey("training_runs.id"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    metrics: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class RunLog(Base):
    """A piece of what the run said, masked; `place` counts the provider's bytes before it."""

    __tablename__ = "training_logs"

    run_id: Mapped[str] = mapped_column(ForeignKey("training_runs.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stop: Mapped[int]
    text: Mapped[str]


class Artifact(Base):
    """A file that a run left and that was looked at; its bytes are in the object store under `key`."""

    __tablename__ = "training_artifacts"

    run_id: Mapped[str] = mapped_column(ForeignKey("training_runs.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    bytes: Mapped[int]
    sha256: Mapped[str]
    key: Mapped[str]
