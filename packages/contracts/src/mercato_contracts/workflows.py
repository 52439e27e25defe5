"""Durable workflows and queues, as operators see them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from mercato_contracts.wire import Wire

WorkflowState = Literal["waiting", "running", "done", "failed", "cancelled"]


class WorkflowView(Wire):
    """One workflow: the kind of work, and what it works on."""

    id: str
    workflow: str
    subject: str
    state: WorkflowState
    steps: int = Field(description="How many steps have ended")
    error: str = Field(description="Why it failed")
    worker: str
    started_at: datetime
    changed_at: datetime


class WorkflowPage(Wire):
    """The newest first."""

    items: list[WorkflowView]
    next: str | None


class WorkflowOrder(Wire):
    """Why a workflow is retried or cancelled."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class QueueView(Wire):
    """How much waits, and since when the oldest does."""

    name: str
    waiting: int
    oldest_seconds: int | None
    read_at: datetime
    stale: bool = Field(description="Whether it was read more than 90 seconds ago")


class QueueList(Wire):
    """The readers of news, the workflows under way and the messages that are to be delivered."""

    items: list[QueueView]
