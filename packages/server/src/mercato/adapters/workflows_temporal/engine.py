"""Durable workflows in Temporal.

A workflow has the id `NAME:SUBJECT`, so Temporal itself starts it once, and each version of the workflows has a task
queue of its own: workers of two versions may work side by side, each on what it knows. What a version left of which no
worker is there any more is started anew, without its records and with its messages (`resuming.py`).

Any worker of a version goes on with what another one left: a silent step is given to the next one after `heartbeat`.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkerDeploymentVersion, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig
from temporalio.workflow import NondeterminismError

from mercato.adapters.temporal_address import TemporalAddress
from mercato.adapters.workflows_temporal.connection import SECONDS, TemporalConnection, is_unknown, understood
from mercato.adapters.workflows_temporal.program import MESSAGE, DurableRun, Programs, ProgramsForWorkflows
from mercato.adapters.workflows_temporal.resuming import Resuming, queue_of
from mercato.platform import (
    Json,
    MeasuredGauge,
    Workflow,
    WorkflowNotFound,
    WorkflowRejected,
    WorkflowsAway,
    WorkflowsRefused,
    copy_json,
)

log = structlog.get_logger(__name__)

_RETRIED = {
    WorkflowExecutionStatus.FAILED,
    WorkflowExecutionStatus.TERMINATED,
    WorkflowExecutionStatus.CANCELED,
    WorkflowExecutionStatus.TIMED_OUT,
}
_HEARTBEAT = timedelta(seconds=20)
_STICKY = timedelta(seconds=2)
"""How long a workflow waits for the worker that has it in memory, before any other one replays it."""
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
_STEPS_AT_ONCE = 1_000
_WORKFLOWS_AT_ONCE = 20
_CUT_OFF_SECONDS = 5.0
_LOOK_SECONDS = 60.0
_AWAY = MeasuredGauge("mercato_workflows_away", "1 while the engine of workflows gives this worker nothing to do")


class TemporalWorkflows:
    """`mercato.platform.Workflows` by Temporal.

    `executor` names this worker, the same at each start and different from every other worker's.
    """

    def __init__(
        self,
        address: TemporalAddress,
        workflows: Sequence[Workflow],
        *,
        executor: str,
        version: str,
        close_within_seconds: float = 20.0,
        heartbeat: timedelta = _HEARTBEAT,
    ) -> None:
        self._connection = TemporalConnection(address, executor)
        self._programs = Programs({each.name: each for each in workflows}, heartbeat)
        self._version = version
        self._close_within_seconds = close_within_seconds
        self._resuming = Resuming(self._connection, queue_of(version))
        self._closing = asyncio.Event()
        self._working: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Returns at once: a Temporal that is away is waited for."""
        self._closing = asyncio.Event()
        self._working = asyncio.create_task(self._work(), name="workflows")

    async def close(self) -> None:
        self._closing.set()
        if self._working is not None:
            await asyncio.gather(self._working, return_exceptions=True)

    async def start(self, workflow: str, subject: str) -> None:
        client = await self._connection.client()
        with understood(self._connection.address), contextlib.suppress(WorkflowAlreadyStartedError):
            try:
                await client.start_workflow(
                    workflow,
                    args=[subject, []],
                    id=_name(workflow, subject),
                    task_queue=queue_of(self._version),
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    rpc_timeout=SECONDS,
                )
            except RPCError as error:
                if error.status is RPCStatusCode.INVALID_ARGUMENT:
                    raise WorkflowRejected(f"Temporal does not take it: {error.message}") from None
                raise

    async def send(self, workflow: str, subject: str, topic: str, value: Json, *, once: str) -> None:
        copied = copy_json(value, f"the message on {topic}")
        handle = await self._handle(_name(workflow, subject))
        with understood(self._connection.address):
            try:
                await handle.signal(MESSAGE, args=[topic, once, copied], rpc_timeout=SECONDS)
            except RPCError as error:
                if not is_unknown(error):
                    raise
                # The same answer for one that has ended, which a late message does not disturb.
                if await _state(handle) is None:
                    raise WorkflowNotFound(f"There is no workflow {handle.id}.") from None

    async def retry(self, workflow_id: str) -> None:
        handle = await self._handle(workflow_id)
        with understood(self._connection.address):
            if await _state(handle) in _RETRIED:
                await self._resuming.resume(workflow_id)

    async def cancel(self, workflow_id: str) -> None:
        """Ends it at once; a step that is under way is cut off at its next heartbeat, and runs again at a retry."""
        handle = await self._handle(workflow_id)
        with understood(self._connection.address):
            if await _state(handle) is WorkflowExecutionStatus.RUNNING:
                try:
                    await handle.terminate(reason="cancelled", rpc_timeout=SECONDS)
                except RPCError as error:
                    if not is_unknown(error):  # it has ended meanwhile
                        raise

    async def _handle(self, workflow_id: str) -> WorkflowHandle[Any, Any]:
        return (await self._connection.client()).get_workflow_handle(workflow_id)

    async def _work(self) -> None:
        """Take work from Temporal until this engine closes, whatever becomes of Temporal meanwhile."""
        pause = _FIRST_PAUSE_SECONDS
        while not self._closing.is_set():
            try:
                client = await self._connection.client()
                with understood(self._connection.address):
                    await self._resuming.start_outdated_anew()
                    _AWAY.set(0)
                    await self._run_worker(client)
                pause = _FIRST_PAUSE_SECONDS
            except Exception as error:
                passes = isinstance(error, WorkflowsAway) and not isinstance(error, WorkflowsRefused)
                say = log.warning if passes else log.error
                _AWAY.set(1)
                say("no workflow goes on; this is tried again", reason=str(error), again_in_seconds=pause)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._closing.wait()
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    async def _run_worker(self, client: Client) -> None:
        worker = self._worker(client)
        working = asyncio.create_task(worker.run())
        looking = asyncio.create_task(self._look_for_outdated())
        closing = asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait([working, closing], return_when=asyncio.FIRST_COMPLETED)
        finally:
            looking.cancel()
            closing.cancel()
        if not working.done():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._close_within_seconds + _CUT_OFF_SECONDS):
                    await worker.shutdown()
            # Where Temporal is away, what the last steps found cannot be handed over: they run again.
            working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        if not working.cancelled() and (error := working.exception()) is not None:
            raise error

    def _worker(self, client: Client) -> Worker:
        return Worker(
            client,
            task_queue=queue_of(self._version),
            workflows=[DurableRun],
            activities=self._programs.activities(self._connection.identity),
            workflow_runner=UnsandboxedWorkflowRunner(),
            interceptors=[ProgramsForWorkflows(self._programs)],
            # Or the client reads every module of ours to find a name for the build.
            deployment_config=WorkerDeploymentConfig(
                version=WorkerDeploymentVersion("mercato", self._version), use_worker_versioning=False
            ),
            # As an error of the workflow's own: a call that differs from its record ends the workflow.
            workflow_failure_exception_types=[NondeterminismError],
            # Programs only wait for steps; on a busy machine the client would take a slow thread for a deadlock.
            debug_mode=True,
            max_concurrent_activities=_STEPS_AT_ONCE,
            max_concurrent_workflow_tasks=_WORKFLOWS_AT_ONCE,
            sticky_queue_schedule_to_start_timeout=_STICKY,
            max_heartbeat_throttle_interval=self._programs.heartbeat / 3,
            graceful_shutdown_timeout=timedelta(seconds=self._close_within_seconds),
        )

    async def _look_for_outdated(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                with understood(self._connection.address):
                    await self._resuming.start_outdated_anew()
                _AWAY.set(0)
            except Exception as error:
                # The client's own loop tries again without a word while Temporal is away: here it is noticed.
                _AWAY.set(1)
                log.warning("workflows of other versions could not be listed; this is tried again", error=str(error))


async def _state(handle: WorkflowHandle[Any, Any]) -> WorkflowExecutionStatus | None:
    """Of its newest run; `None` where there was never one, or Temporal has forgotten it."""
    try:
        return (await handle.describe(rpc_timeout=SECONDS)).status
    except RPCError as error:
        if not is_unknown(error):
            raise
        return None


def _name(workflow: str, subject: str) -> str:
    return f"{workflow}:{subject}"
