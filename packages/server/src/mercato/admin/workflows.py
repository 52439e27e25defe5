"""Durable workflows as operators see them: what runs, what failed, and orders to retry or cancel."""

from collections.abc import Sequence
from typing import Literal

from mercato.admin.news import WorkflowOrdered
from mercato.admin.refusals import WorkflowNotOver, WorkflowOver, WorkflowUnknown
from mercato.identity import Caller, Permission
from mercato.platform import (
    DurableSubscriber,
    Event,
    Outbox,
    Session,
    WorkflowRecord,
    WorkflowRecords,
    Workflows,
    WorkflowState,
)

Order = Literal["retry", "cancel"]
_OVER = frozenset({"done", "failed", "cancelled"})


class WorkflowDesk:
    """Reads the engine's records; the worker, where the engine runs, carries the orders out."""

    def __init__(self, session: Session, outbox: Outbox, records: WorkflowRecords) -> None:
        self._session = session
        self._outbox = outbox
        self._records = records

    async def page(
        self, caller: Caller, *, state: WorkflowState | None, before: str | None, limit: int
    ) -> list[WorkflowRecord]:
        """The newest first."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._records.page(self._session, state=state, before=before, limit=limit)

    async def order(self, caller: Caller, workflow_id: str, order: Order, reason: str) -> WorkflowRecord:
        """Have the worker retry what failed or was cancelled, or cancel what is under way.

        Raises `WorkflowUnknown`, `WorkflowNotOver`, `WorkflowOver`.
        """
        caller.require(Permission.MARKETPLACE_WRITE)
        found = await self._records.find(self._session, workflow_id)
        if found is None:
            raise WorkflowUnknown(f"There is no workflow {workflow_id}.", workflow=workflow_id)
        if order == "retry" and found.state not in ("failed", "cancelled"):
            raise WorkflowNotOver(f"The workflow is {found.state}; there is nothing to retry.", state=found.state)
        if order == "cancel" and found.state in _OVER:
            raise WorkflowOver(f"The workflow is {found.state} already.", state=found.state)
        news = WorkflowOrdered(by=caller.actor, workflow_id=workflow_id, order=order, reason=reason)
        await self._outbox.add(self._session, news)
        return found


class WorkflowOrders:
    """Carries orders out in the process of the engine. The same order twice changes nothing."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows

    def subscriber(self) -> DurableSubscriber[WorkflowOrdered]:
        """To be run by the worker."""
        return DurableSubscriber("workflow orders", (WorkflowOrdered,), self._handle)

    async def _handle(self, _: Session, events: Sequence[Event[WorkflowOrdered]]) -> None:
        for event in events:
            if event.news.order == "retry":
                await self._workflows.retry(event.news.workflow_id)
            else:
                await self._workflows.cancel(event.news.workflow_id)
