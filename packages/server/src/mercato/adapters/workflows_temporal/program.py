"""What Temporal runs: one program for every workflow of ours, and one activity for each of their steps.

Temporal replays a program from its history, in any worker of the same version, so everything here depends only on what
the history says. It runs outside the SDK's sandbox, which would import every module of ours again for each workflow:
`mercato.platform.Workflow` already demands that the code between steps depends only on their results.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from temporalio import activity, workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import Interceptor, WorkflowInterceptorClassInput

from mercato.platform import Json, StepFunction, Workflow, copy_json, mask, name_call

log = structlog.get_logger(__name__)

MESSAGE = "message"
"""The signal that carries a message: its topic, its name and its value."""
STEPS, WORKER, CHANGED, ERROR = "steps", "worker", "changed", "error"
"""What a workflow notes of itself for operators, in its memo, which lists of workflows show."""

_RETRIES = RetryPolicy(
    initial_interval=timedelta(seconds=0.1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=30)
)
_LONGEST_STEP = timedelta(days=365)
"""A step has no limit of its own: one whose worker is gone is known by its missing heartbeats."""
_BEATS = 4
_LONGEST_ERROR = 500
_FIND = "mercato_find_program"


@dataclass(frozen=True, slots=True)
class Programs:
    """The workflows of a worker, by their names. `heartbeat`: how long the worker of a step may be silent."""

    workflows: Mapping[str, Workflow]
    heartbeat: timedelta

    def activities(self, worker: str) -> list[Callable[..., Any]]:
        """One for each step of each workflow. `worker` names this process to operators."""
        return [
            self._activity(workflow.name, name, step, worker)
            for workflow in self.workflows.values()
            for name, step in workflow.steps.items()
        ]

    def _activity(self, workflow_name: str, name: str, step: StepFunction, worker: str) -> Callable[..., Any]:
        every = self.heartbeat / _BEATS

        @activity.defn(name=_activity_name(workflow_name, name))
        async def act(call: list[Any]) -> list[Any]:
            subject, *arguments = call
            beating = asyncio.create_task(_beat(every.total_seconds()))
            try:
                result = copy_json(await step(subject, *arguments), f"the result of the step {name}")
            except Exception as failure:
                log.warning("a step failed and is tried again", step=name_call(name, *arguments), exc_info=failure)
                raise _as_failure(failure, ApplicationErrorCategory.BENIGN) from None
            finally:
                beating.cancel()
            return [result, worker]

        return act


class ProgramsForWorkflows(Interceptor):
    """Hands the programs of this worker to the workflows that it runs."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> None:
        """Called for each workflow, which finds the programs by `workflow.extern_functions`."""
        input.unsafe_extern_functions[_FIND] = lambda: self._programs


@workflow.defn(dynamic=True, sandboxed=False)
class DurableRun:
    """A running workflow of any name; its arguments are its subject and messages that came before it began."""

    def __init__(self) -> None:
        self._messages: dict[str, deque[Json]] = {}
        self._taken: set[tuple[str, str]] = set()
        self._steps = 0

    @workflow.signal(name=MESSAGE)
    def take(self, topic: str, once: str, value: Any) -> None:
        """Keep a message until the workflow waits for it; a second one of the same name is ignored."""
        if (topic, once) not in self._taken:
            self._taken.add((topic, once))
            self.messages(topic).append(value)

    @workflow.run
    async def run(self, arguments: Sequence[RawValue]) -> None:
        """The workflow of this type, on its subject. What it raises ends it."""
        subject: str
        earlier: list[tuple[str, str, Json]]
        subject, earlier = (workflow.payload_converter().from_payload(each.payload) for each in arguments)
        for message in earlier:
            self.take(*message)
        programs: Programs = workflow.extern_functions()[_FIND]()
        name = workflow.info().workflow_type
        try:
            program = programs.workflows[name]
            await program.run(_TemporalSteps(self, program, subject, programs.heartbeat), subject)
        except Exception as failure:
            if not workflow.unsafe.is_replaying():
                log.error("a workflow failed for good", workflow=name, subject=subject, exc_info=failure)
            self._note({ERROR: _words_of(failure)})
            raise _as_failure(failure) from None

    def messages(self, topic: str) -> deque[Json]:
        """Those that nobody has waited for yet, in their order."""
        return self._messages.setdefault(topic, deque())

    def note_step(self, worker: str) -> None:
        """A step has ended, in this worker."""
        self._steps += 1
        self._note({STEPS: self._steps, WORKER: worker})

    def _note(self, what: Mapping[str, Any]) -> None:
        workflow.upsert_memo({**what, CHANGED: workflow.now().isoformat()})


class _TemporalSteps:
    """`mercato.platform.Steps` of one running workflow."""

    def __init__(self, run: DurableRun, program: Workflow, subject: str, heartbeat: timedelta) -> None:
        self._run = run
        self._program = program
        self._subject = subject
        self._heartbeat = heartbeat

    async def run(self, step: str, *arguments: Json) -> Json:
        self._program.get_step(step)
        copied = copy_json(list(arguments), f"an argument of the step {step}")
        result, worker = await workflow.execute_activity(
            _activity_name(self._program.name, step),
            [self._subject, *copied],
            start_to_close_timeout=_LONGEST_STEP,
            heartbeat_timeout=self._heartbeat,
            retry_policy=_RETRIES,
            summary=name_call(step, *copied),
        )
        self._run.note_step(worker)
        return result

    async def wait(self, topic: str, timeout: timedelta) -> Json | None:
        messages = self._run.messages(topic)
        if not messages:
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(lambda: bool(messages), timeout=timeout, timeout_summary=topic)
        return messages.popleft() if messages else None


async def _beat(every_seconds: float) -> None:
    """Says until it is cancelled that the step is under way; Temporal gives a silent one to another worker."""
    while True:
        activity.heartbeat()
        await asyncio.sleep(every_seconds)


def _activity_name(workflow_name: str, step: str) -> str:
    return f"{workflow_name}/{step}"


def _words_of(failure: Exception) -> str:
    return mask(str(failure) or type(failure).__name__)[:_LONGEST_ERROR]


def _as_failure(
    failure: Exception, category: ApplicationErrorCategory = ApplicationErrorCategory.UNSPECIFIED
) -> ApplicationError:
    """As Temporal keeps it: without the stack and the causes, which may quote what nobody outside should read."""
    return ApplicationError(_words_of(failure), type=type(failure).__name__, category=category)
