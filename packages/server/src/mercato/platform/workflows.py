"""Durable workflows: steps whose results outlive the process, and waits that may last for days.

The port; its engines stand in `mercato.adapters`. A workflow is plain code over `Steps`: after a crash it is run again
from its start, and every step that had ended answers at once with what it answered then. So a step may run twice and
does not mind, and the code between steps decides by nothing but their results.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

Json = Any
"""What JSON can say: results of steps and values of signals cross processes."""


class Steps(Protocol):
    """What a running workflow may ask for."""

    async def run(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        """The result of `action`, done once and remembered; a step cut off by a crash is done again."""
        ...

    async def wait(self, topic: str, timeout: timedelta) -> Json | None:
        """The next value sent to this workflow on `topic`; `None` when none came in time. The wait is durable."""
        ...


WorkflowFunction = Callable[[Steps, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Workflow:
    """A kind of work: `name` never changes; `run` gets the id of what it works on."""

    name: str
    run: WorkflowFunction


class Workflows(Protocol):
    """The engine."""

    async def open(self) -> None:
        """Begin to work, first on what earlier processes left unfinished."""
        ...

    async def close(self) -> None:
        """Stop after the step in hand; the rest goes on at the next `open`."""
        ...

    async def start(self, workflow: str, subject: str) -> None:
        """Work on `subject`; asking twice for the same is asking once."""
        ...

    async def send(self, workflow: str, subject: str, topic: str, value: Json, *, once: str) -> None:
        """Hand `value` to the waiting workflow; `once` names the message, so that a second sending is ignored."""
        ...
