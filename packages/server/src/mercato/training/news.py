"""The news of training."""

from dataclasses import dataclass

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class TrainingRequested(News):
    """A training run was asked for and is queued."""

    topic = "training.requested"

    run_id: str
    """The run."""


@dataclass(frozen=True, kw_only=True)
class TrainingStopAsked(News):
    """Somebody asked to stop a run that has not ended."""

    topic = "training.stop_asked"

    run_id: str
    """The run."""


@dataclass(frozen=True, kw_only=True)
class TrainingEnded(News):
    """A training run has ended."""

    topic = "training.ended"

    run_id: str
    """The run."""
    organisation_id: str
    """The organisation that started it."""
    state: str
    """How it ended: `succeeded`, `failed`, `timed_out` or `stopped`."""
