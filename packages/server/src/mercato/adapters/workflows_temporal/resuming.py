"""Workflows that go on: behind their last step, or from the beginning where their version is gone.

Temporal keeps a workflow's version as the task queue that it was started on (`queue_of`).
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType, TaskQueueType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy

from mercato.adapters.workflows_temporal.connection import SECONDS, TemporalConnection
from mercato.adapters.workflows_temporal.program import MESSAGE
from mercato.platform import Json

log = structlog.get_logger(__name__)

_DECISIONS = {EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED}
_QUEUE = "mercato-workflows-"
_GONE = timedelta(minutes=2)
"""A worker asks for work at least once a minute."""


def queue_of(version: str) -> str:
    """The task queue of the workers of this version."""
    return f"{_QUEUE}{version}"


class Resuming:
    """For the worker `connection.identity`, which takes work from `queue`."""

    def __init__(self, connection: TemporalConnection, queue: str) -> None:
        self._connection = connection
        self._queue = queue

    async def resume(self, workflow_id: str) -> None:
        """Go on with one that ended, behind its last step; one of another version begins anew."""
        client = await self._connection.client()
        ended = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=SECONDS)
        event = await self._last_decision(client, ended) if ended.task_queue == self._queue else None
        if event is None:
            await self._start_anew(client, ended)
            return
        await client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=ended.run_id),
                reason="retried",
                workflow_task_finish_event_id=event,
                request_id=ended.run_id,  # the same order twice is one
                # Messages that came later are kept, but not the wish to cancel it.
                reset_reapply_exclude_types=[ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_CANCEL_REQUEST],
            ),
            timeout=SECONDS,
        )

    async def start_outdated_anew(self) -> None:
        """Begin anew with all that workers of other versions left, of which none is there any more."""
        client = await self._connection.client()
        others = f'ExecutionStatus = "Running" AND TaskQueue != "{self._queue}"'
        manned: dict[str, bool] = {}
        async for found in client.list_workflows(others, rpc_timeout=SECONDS):
            if not found.task_queue.startswith(_QUEUE):
                continue  # nothing of ours
            if found.task_queue not in manned:
                manned[found.task_queue] = await self._is_manned(client, found.task_queue)
            if manned[found.task_queue]:
                continue
            left = await client.get_workflow_handle(found.id).describe(rpc_timeout=SECONDS)
            # Lists may be old: another worker of our version may have done it meanwhile.
            if left.run_id == found.run_id:
                log.warning("a workflow is started anew", workflow=found.id, left_on=found.task_queue)
                await self._start_anew(client, left)

    async def _is_manned(self, client: Client, queue: str) -> bool:
        """Whether a worker takes work from this queue; a worker of our own name is our predecessor, and gone."""
        answer = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace,
                task_queue=TaskQueue(name=queue),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            ),
            timeout=SECONDS,
        )
        now = datetime.now(UTC)
        return any(
            each.identity != self._connection.identity and now - each.last_access_time.ToDatetime(UTC) < _GONE
            for each in answer.pollers
        )

    async def _start_anew(self, client: Client, left: WorkflowExecutionDescription) -> None:
        """With the messages that it was sent; Temporal ends the old run and begins the new one in one go."""
        subject, messages = await _input_of(client, left.id, left.run_id)
        await client.start_workflow(
            left.workflow_type,
            args=[subject, messages],
            id=left.id,
            task_queue=self._queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
            rpc_timeout=SECONDS,
        )
        _, late = await _input_of(client, left.id, left.run_id)
        for message in late[len(messages) :]:
            await client.get_workflow_handle(left.id).signal(MESSAGE, args=message, rpc_timeout=SECONDS)

    async def _last_decision(self, client: Client, ended: WorkflowExecutionDescription) -> int | None:
        """The event where the workflow last decided, or was about to: what was known then, is known when it goes on."""
        found: int | None = None
        async for event in _events(client, ended.id, ended.run_id):
            if event.event_type in _DECISIONS:
                found = event.event_id
            elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
                break
        return found


async def _input_of(client: Client, workflow_id: str, run_id: str) -> tuple[Any, list[list[Json]]]:
    """The subject of a run, and all the messages that it got."""
    subject: Any = None
    messages: list[list[Json]] = []
    converter = client.data_converter.payload_converter
    async for event in _events(client, workflow_id, run_id):
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            subject, messages = converter.from_payloads(
                event.workflow_execution_started_event_attributes.input.payloads
            )
        elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            sent = event.workflow_execution_signaled_event_attributes
            if sent.signal_name == MESSAGE:
                messages.append(converter.from_payloads(sent.input.payloads))
    return subject, messages


def _events(client: Client, workflow_id: str, run_id: str) -> AsyncIterator[HistoryEvent]:
    return client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history_events(rpc_timeout=SECONDS)
