"""Durable workflows as operators see them: what runs, what failed, and orders to retry or cancel."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from mercato.admin.news import WorkflowOrdered
from mercato.admin.refusals import WorkflowNotOver, WorkflowOver, WorkflowUnknown
from mercato.identity import Caller, Permission
from mercato.platform import (
    Event,
    Outbox,
    OutsideSubscriber,
    Session,
    WorkflowRecord,
    WorkflowRecords,
    Workflows,
    WorkflowState,
)

Order = Literal["retry", "cancel"]
WorkflowCounts = Mapping[WorkflowState, tuple[int, datetime]]
_OVER = frozenset({"done", "failed", "cancelled"})


class WorkflowDesk:
    """Reads the engine's records, outside any transaction."""

    def __init__(self, records: WorkflowRecords) -> None:
        self._records = records

    async def page(
        self, caller: Caller, *, state: WorkflowState | None, before: str | None, limit: int
    ) -> list[WorkflowRecord]:
        """The newest first. Raises `WorkflowsAway`."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._records.page(state=state, before=before, limit=limit)

    async def count(self, caller: Caller) -> WorkflowCounts:
        """How many are unfinished and when the oldest began, by state. Raises `WorkflowsAway`."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._records.count()

    async def get(self, caller: Caller, workflow_id: str) -> WorkflowRecord:
        """The one of this id, for an order. Raises `WorkflowUnknown`, `WorkflowsAway`."""
        caller.require(Permission.MARKETPLACE_WRITE)
        found = await self._records.find(workflow_id)
        if found is None:
            raise WorkflowUnknown(f"There is no workflow {workflow_id}.", workflow=workflow_id)
        return found


async def give_order(
    session: Session, outbox: Outbox, caller: Caller, found: WorkflowRecord, order: Order, reason: str
) -> None:
    """Have the worker retry what failed or was cancelled, or cancel what is under way.

    Raises `WorkflowNotOver`, `WorkflowOver`.
    """
    caller.require(Permission.MARKETPLACE_WRITE)
    if order == "retry" and found.state not in ("failed", "cancelled"):
        raise WorkflowNotOver(f"The workflow is {found.state}; there is nothing to retry.", state=found.state)
    if order == "cancel" and found.state in _OVER:
        raise WorkflowOver(f"The workflow is {found.state} already.", state=found.state)
    await outbox.add(session, WorkflowOrdered(by=caller.actor, workflow_id=found.id, order=order, reason=reason))


class WorkflowOrders:
    """Carries orders out in the process of the engine. The same order twice changes nothing."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows

    def subscriber(self) -> OutsideSubscriber[WorkflowOrdered]:
        """To be run by the worker."""
        return OutsideSubscriber("workflow orders", (WorkflowOrdered,), self._handle)

    async def _handle(self, events: Sequence[Event[WorkflowOrdered]]) -> None:
        for event in events:
            if event.news.order == "retry":
                await self._workflows.retry(event.news.workflow_id)
            else:
                await self._workflows.cancel(event.news.workflow_id)
