"""Durable workflows and queues, as operators see them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from mercato_contracts.fields import NextPage
from mercato_contracts.wire import Wire

WorkflowState = Literal["waiting", "running", "done", "failed", "cancelled"]


class WorkflowView(Wire):
    """One workflow: the kind of work, and what it works on."""

    id: str = Field(description="The workflow's id")
    workflow: str = Field(description="The kind of work")
    subject: str = Field(description="The id of what it works on")
    state: WorkflowState = Field(description="Where it stands")
    steps: int = Field(description="How many steps have ended")
    error: str = Field(description="Why it failed")
    worker: str = Field(description="The process that works on it; empty while it waits")
    started_at: datetime = Field(description="When it began, UTC")
    changed_at: datetime = Field(description="When it last went on, UTC")


class WorkflowPage(Wire):
    """The newest first."""

    items: list[WorkflowView] = Field(description="The workflows of this page, newest first")
    next: NextPage


class WorkflowOrder(Wire):
    """Why a workflow is retried or cancelled."""

    reason: Annotated[str, Field(min_length=1, max_length=500)] = Field(
        description="Why, 1 to 500 characters; it is in the audit log"
    )


class QueueView(Wire):
    """How much waits, and since when the oldest does."""

    name: str = Field(description="The queue's name")
    waiting: int = Field(description="How many wait")
    oldest_seconds: int | None = Field(description="How long the oldest waits, in seconds; null: none waits")
    read_at: datetime = Field(description="When it was read, UTC")
    stale: bool = Field(description="Whether it was read more than 90 seconds ago")


class QueueList(Wire):
    """The readers of news, the workflows under way and the messages that are to be delivered."""

    items: list[QueueView] = Field(description="The queues")
