"""Durable workflows and queues. For operators."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from mercato.admin import Backlog, Queue, WorkflowCounts, WorkflowDesk, give_order
from mercato.edge.caller import SignedIn
from mercato.edge.paging import Page, PageSize
from mercato.edge.route import LateTransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.platform import Prepared, WorkflowRecord, place_of
from mercato_contracts.workflows import QueueList, QueueView, WorkflowOrder, WorkflowPage, WorkflowState, WorkflowView

router = APIRouter(prefix="/api", tags=["operator"], route_class=LateTransactionalRoute)


def _desk(parts: Parts) -> WorkflowDesk:
    return WorkflowDesk(parts.workflow_records)


Desk = Annotated[WorkflowDesk, Depends(_desk)]


async def _find(workflow_id: str, caller: SignedIn, desk: Desk) -> Prepared[WorkflowRecord]:
    return await Prepared.by(desk.get(caller, workflow_id))


async def _count(caller: SignedIn, desk: Desk) -> WorkflowCounts:
    return await desk.count(caller)


Found = Annotated[Prepared[WorkflowRecord], Depends(_find)]
"""Asked of the engine before the transaction is opened."""
Counted = Annotated[WorkflowCounts, Depends(_count)]


@router.get("/workflows", summary="Durable workflows, the newest first (operator)")
async def list_workflows(
    caller: SignedIn, desk: Desk, state: WorkflowState | None = None, before: str | None = None, limit: PageSize = 50
) -> WorkflowPage:
    """Submissions on their way, training runs, rounds that are settled. A workflow goes on after a crash by itself."""
    rows = await desk.page(caller, state=state, before=before, limit=limit)
    return WorkflowPage(items=[view_workflow(row) for row in rows], next=Page.of(rows, limit, place_of).next)


@router.post("/workflows/{workflow_id}/retry", status_code=202, summary="Retry a workflow that failed (operator)")
async def retry_workflow(
    workflow_id: str, body: WorkflowOrder, caller: SignedIn, found: Found, session: Transaction, parts: Parts
) -> WorkflowView:
    """The worker goes on behind the last step that ended. A repeat while it waits for its turn changes nothing."""
    await give_order(session, parts.outbox, caller, found.take(), "retry", body.reason)
    return view_workflow(found.take())


@router.post("/workflows/{workflow_id}/cancel", status_code=202, summary="Cancel a workflow (operator)")
async def cancel_workflow(
    workflow_id: str, body: WorkflowOrder, caller: SignedIn, found: Found, session: Transaction, parts: Parts
) -> WorkflowView:
    """It ends at its next step, and what it works on stays as it is; a retry goes on with it. A repeat changes nothing
    while the worker has not heard of it.
    """
    await give_order(session, parts.outbox, caller, found.take(), "cancel", body.reason)
    return view_workflow(found.take())


@router.get("/queues", summary="What waits to be done (operator)")
async def list_queues(caller: SignedIn, counted: Counted, session: Transaction, parts: Parts) -> QueueList:
    """News that each reader has not handled, workflows under way, messages of webhooks on their way. News is
    counted with the probes of health, every 30 seconds and to 10,000.
    """
    backlog = Backlog(session, parts.clock, counted)
    return QueueList(items=[view_queue(queue, parts.clock.now()) for queue in await backlog.show(caller)])


def view_workflow(row: WorkflowRecord) -> WorkflowView:
    """The workflow as the API shows it."""
    return WorkflowView.model_validate({name: getattr(row, name) for name in WorkflowView.model_fields})


def view_queue(queue: Queue, now: datetime) -> QueueView:
    """The queue as the API shows it."""
    age = None if queue.oldest is None else max(0, int((now - queue.oldest).total_seconds()))
    return QueueView(
        name=queue.name, waiting=queue.waiting, oldest_seconds=age, read_at=queue.read_at, stale=queue.stale
    )
