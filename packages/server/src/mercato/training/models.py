"""Runs, with their steps, logs and artifacts."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base

STATES = "'queued', 'running', 'collecting', 'succeeded', 'failed', 'timed_out', 'stopped'"
OPEN = "state in ('queued', 'running', 'collecting')"


class Run(Base):
    """A training run. It changes state only forwards, and never leaves a terminal one."""

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
    """SHA-256 of the round's training file."""
    data_key: Mapped[str | None]
    """The key of that file in the object store."""
    environment: Mapped[dict[str, Any]]
    state: Mapped[str]
    why: Mapped[str]
    handle: Mapped[str | None]
    """The name by which the provider knows its job."""
    launching_at: Mapped[datetime | None]
    """When a worker started to launch it: another worker that finds this looks for the job, and launches none."""
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
    """What the code reported at a step. Steps may come in any order; the same step again replaces it."""

    __tablename__ = "training_steps"

    run_id: Mapped[str] = mapped_column(ForeignKey("training_runs.id"), primary_key=True)
    step: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    metrics: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class RunLog(Base):
    """A chunk of the run's output, masked; `place` counts the provider's bytes before it."""

    __tablename__ = "training_logs"

    run_id: Mapped[str] = mapped_column(ForeignKey("training_runs.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    stop: Mapped[int]
    text: Mapped[str]


class Artifact(Base):
    """A file that a run left and that was checked; its bytes are in the object store under `key`."""

    __tablename__ = "training_artifacts"

    run_id: Mapped[str] = mapped_column(ForeignKey("training_runs.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    bytes: Mapped[int]
    sha256: Mapped[str]
    key: Mapped[str]
