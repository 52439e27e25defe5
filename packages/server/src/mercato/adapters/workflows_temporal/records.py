"""What Temporal wrote down about workflows, read where no worker runs."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError

from mercato.adapters.workflows_temporal.connection import SECONDS, TemporalConnection, is_unknown, understood
from mercato.adapters.workflows_temporal.program import CHANGED, ERROR, STEPS, WORKER
from mercato.platform import WorkflowRecord, WorkflowState, place_of

_STATES: dict[WorkflowExecutionStatus, WorkflowState] = {
    WorkflowExecutionStatus.RUNNING: "running",
    WorkflowExecutionStatus.COMPLETED: "done",
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.TIMED_OUT: "failed",
    WorkflowExecutionStatus.TERMINATED: "cancelled",
    WorkflowExecutionStatus.CANCELED: "cancelled",
}
_WORDS: dict[WorkflowState, tuple[str, ...]] = {
    "waiting": (),
    "running": ("Running",),
    "done": ("Completed",),
    "failed": ("Failed", "TimedOut"),
    "cancelled": ("Terminated", "Canceled"),
}
_REPLACED = {"failed", "cancelled"}
"""States that a run may have of a workflow that goes on in a later run."""
_FIRST_SPAN = timedelta(hours=1)
_SHORTEST_SPAN = timedelta(seconds=1)
_MOST_AT_ONCE = 500
_MOST_COUNTED = 10_000
_NO_WORDS = "Temporal ended it; its history there says why."


class TemporalRecords:
    """`mercato.platform.WorkflowRecords` by Temporal's visibility, which remembers ended workflows for as long as the
    namespace says. What it answers may be some moments old.
    """

    def __init__(self, connection: TemporalConnection) -> None:
        self._connection = connection

    async def page(self, *, state: WorkflowState | None, before: str | None, limit: int) -> list[WorkflowRecord]:
        """The newest first. Of a workflow that was retried, its newest run."""
        client = await self._connection.client()
        with understood(self._connection.address):
            found: list[WorkflowRecord] = []
            async for batch in _newest_first(client, _query(state), _moment(before)):
                records = [each for each in await _records(client, batch) if before is None or _is_below(each, before)]
                found += sorted(records, key=_order, reverse=True)
                if len(found) >= limit:
                    break
            return found[:limit]

    async def find(self, workflow_id: str) -> WorkflowRecord | None:
        """The one of this id."""
        client = await self._connection.client()
        with understood(self._connection.address):
            try:
                return await _record(await client.get_workflow_handle(workflow_id).describe(rpc_timeout=SECONDS))
            except RPCError as error:
                if not is_unknown(error):
                    raise
                return None

    async def count(self) -> dict[WorkflowState, tuple[int, datetime]]:
        """How many are under way, at most 10,000, and since when the oldest is."""
        client = await self._connection.client()
        with understood(self._connection.address):
            running = client.list_workflows(_query("running"), limit=_MOST_COUNTED, rpc_timeout=SECONDS)
            began = [each.start_time async for each in running]
        return {"running": (len(began), min(began))} if began else {}


def _query(state: WorkflowState | None) -> str:
    if state is None:
        return ""
    words = ", ".join(f'"{word}"' for word in _WORDS[state])
    # No workflow of ours waits before it runs.
    return f"ExecutionStatus IN ({words})" if words else 'WorkflowId = ""'


async def _newest_first(client: Client, query: str, upper: datetime) -> AsyncIterator[list[WorkflowExecution]]:
    """Runs that began before `upper`, in spans of time, each newer than the next.

    Temporal sorts by the time when a run ended, so spans are chosen by counting what began in them.
    """
    span = _FIRST_SPAN
    while await _count(client, query, f'StartTime < "{upper.isoformat()}"'):
        lower = upper - span
        within = f'StartTime >= "{lower.isoformat()}" AND StartTime < "{upper.isoformat()}"'
        count = await _count(client, query, within)
        if count > _MOST_AT_ONCE and span > _SHORTEST_SPAN:
            span = max(span / 4, _SHORTEST_SPAN)
            continue
        if count:
            yield [each async for each in client.list_workflows(_both(query, within), rpc_timeout=SECONDS)]
        else:
            span *= 4
        upper = lower


async def _count(client: Client, query: str, within: str) -> int:
    return (await client.count_workflows(_both(query, within), rpc_timeout=SECONDS)).count


def _both(query: str, within: str) -> str:
    return f"{query} AND {within}" if query else within


async def _records(client: Client, runs: list[WorkflowExecution]) -> list[WorkflowRecord]:
    records = [await _record(each) for each in runs]
    doubtful = [n for n, each in enumerate(records) if each.state in _REPLACED]
    newest = await asyncio.gather(*(_newest_run(client, records[n].id) for n in doubtful))
    replaced = {n for n, run_id in zip(doubtful, newest, strict=True) if run_id != runs[n].run_id}
    return [each for n, each in enumerate(records) if n not in replaced]


async def _newest_run(client: Client, workflow_id: str) -> str:
    return (await client.get_workflow_handle(workflow_id).describe(rpc_timeout=SECONDS)).run_id


async def _record(run: WorkflowExecution) -> WorkflowRecord:
    workflow, _, subject = run.id.partition(":")
    memo: dict[str, Any] = dict(await run.memo())
    state = _STATES.get(run.status, "failed") if run.status is not None else "failed"
    noted = datetime.fromisoformat(memo[CHANGED]) if CHANGED in memo else run.start_time
    return WorkflowRecord(
        id=run.id,
        workflow=workflow,
        subject=subject,
        state=state,
        steps=int(memo.get(STEPS, 0)),
        error=str(memo.get(ERROR, _NO_WORDS)) if state == "failed" else "",
        worker=str(memo.get(WORKER, "")),
        started_at=run.start_time,
        changed_at=run.close_time or noted,
    )


def _order(record: WorkflowRecord) -> tuple[int, str]:
    at, _, workflow_id = place_of(record).partition(":")
    return int(at), workflow_id


def _moment(before: str | None) -> datetime:
    """From here on, to the millisecond, a page may begin."""
    if before is None:
        return datetime.now(UTC) + timedelta(days=1)
    at = before.partition(":")[0]
    return datetime.fromtimestamp((int(at) + 1) / 1000 if at.isdecimal() else 0, UTC)


def _is_below(record: WorkflowRecord, before: str) -> bool:
    at, _, workflow_id = before.partition(":")
    return _order(record) < (int(at) if at.isdecimal() else 0, workflow_id)
