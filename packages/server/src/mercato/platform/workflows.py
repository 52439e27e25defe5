"""Durable workflows: steps whose results outlive the process, and waits that may last for days.

The port; its engines are in `mercato.adapters`. A workflow is plain code over `Steps`: after a crash it runs again from
its start, and every step that had ended immediately returns its earlier result. A step may run twice, so it must be
idempotent; the code between steps must depend only on their results.

Steps have names and take JSON, never closures: an engine may run a step in another process than the workflow.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from mercato.platform.refusals import NotFound, Unavailable

Json = Any
"""What JSON can express: steps' arguments and results and messages' values cross processes."""


class Steps(Protocol):
    """What a running workflow may ask for."""

    async def run(self, step: str, *arguments: Json) -> Json:
        """The result of the workflow's step of this name, called with the workflow's subject and `arguments`.

        Run once and remembered; a step that a crash interrupted runs again. Raises `UnknownStep` and `NotJson`,
        which are faults of the workflow's code.
        """
        ...

    async def wait(self, topic: str, timeout: timedelta) -> Json | None:
        """The next value sent to this workflow on `topic`; `None` after the timeout. The wait is durable."""
        ...


WorkflowFunction = Callable[[Steps, str], Awaitable[None]]
StepFunction = Callable[..., Awaitable[Json]]
"""Gets the workflow's subject, then the arguments of the call; returns JSON."""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A kind of work: `run` gets the id of what it works on, its subject, and calls `steps` by their names.

    Running workflows have the name of the workflow and the names of its steps in their records, so neither changes.
    """

    name: str
    run: WorkflowFunction
    steps: Mapping[str, StepFunction]

    def get_step(self, name: str) -> StepFunction:
        """The step of this name. Raises `UnknownStep`."""
        try:
            return self.steps[name]
        except KeyError:
            known = ", ".join(self.steps) or "none"
            raise UnknownStep(f"The workflow {self.name} has no step {name!r}; it has {known}.") from None


class Workflows(Protocol):
    """The engine.

    One on another machine raises `WorkflowsAway` where it does not answer: whoever asks it asks again later.
    """

    async def open(self) -> None:
        """Start to work, first on what earlier processes left unfinished."""
        ...

    async def close(self) -> None:
        """Stop after the current step; the rest continues at the next `open`."""
        ...

    async def start(self, workflow: str, subject: str) -> None:
        """Work on `subject`; starting the same twice starts it once. May raise `WorkflowRejected`."""
        ...

    async def send(self, workflow: str, subject: str, topic: str, value: Json, *, once: str) -> None:
        """Send `value` to the waiting workflow; `once` names the message, and a second one of that name is ignored.

        Raises `NotJson`, and `WorkflowNotFound` for a workflow that was never started.
        """
        ...

    async def retry(self, workflow_id: str) -> None:
        """Resume a workflow that failed or was cancelled; its steps' results are kept. Others are not touched."""
        ...

    async def cancel(self, workflow_id: str) -> None:
        """Cancel a running workflow at its next step. Others are not touched."""
        ...


WorkflowState = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class WorkflowRecord:
    """An engine's record of one workflow; `steps` counts those that have ended."""

    id: str
    workflow: str
    subject: str
    state: WorkflowState
    steps: int
    error: str
    worker: str
    started_at: datetime
    changed_at: datetime


def place_of(record: WorkflowRecord) -> str:
    """The place of a record in the order of a page."""
    return f"{round(record.started_at.timestamp() * 1000)}:{record.id}"


class WorkflowRecords(Protocol):
    """The records of an engine, readable in every process, outside any transaction: the engine may be slow.

    Raises `WorkflowsAway` as the engine does.
    """

    async def page(self, *, state: WorkflowState | None, before: str | None, limit: int) -> list[WorkflowRecord]:
        """The newest first, before the place `before`."""
        ...

    async def find(self, workflow_id: str) -> WorkflowRecord | None:
        """The one of this id."""
        ...

    async def count(self) -> dict[WorkflowState, tuple[int, datetime]]:
        """How many are unfinished and when the oldest began, by state."""
        ...


class WorkflowNotFound(NotFound):
    """A message for a workflow that was never started."""

    code = "workflow_not_found"
    title = "No such workflow"


class WorkflowsAway(Unavailable):
    """The engine of durable workflows does not answer. What was to be started waits in the outbox."""

    code = "workflows_away"
    title = "The engine of workflows does not answer"
    fix = "Try again in a minute. If this lasts, `mercato doctor` on the worker's machine says why."


class WorkflowsRefused(WorkflowsAway):
    """The engine answers, and does not let us in or lacks our namespace: a person must look."""

    code = "workflows_refused"
    title = "The engine of workflows refuses the marketplace"
    fix = "Have an operator run `mercato doctor`, which names the setting to correct."


class WorkflowRejected(Exception):
    """The engine does not take this start as it is: asking again does not help."""


class UnknownStep(Exception):
    """A workflow called a step that it does not have."""


class NotJson(TypeError):
    """A value does not survive JSON unchanged."""


def copy_json(value: Json, what: str) -> Json:
    """The value as it comes back from JSON. Raises `NotJson` if that differs: no tuples, dates or NaN.

    `what` names the value in the message. A copy, because two processes would share no object either.
    """
    try:
        copied = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise NotJson(f"{what} is not JSON: {error}") from None
    if copied != value:
        raise NotJson(f"{what} is not JSON: {value!r:.200} comes back as {copied!r:.200}")
    return copied


def name_call(step: str, *arguments: Json) -> str:
    """How the call of a step stands in the records of an engine: `portfolio 3`."""
    return " ".join([step, *(json.dumps(argument) for argument in arguments)])
