"""Queues and durable workflows. The engine of workflows is asked before the transaction: it may be slow, or away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Literal, cast, get_args

from fastapi import Depends, Request, Response

from mercato.admin import Backlog, Queue, WorkflowCounts, WorkflowDesk, give_order
from mercato.console.forms import Form, as_request
from mercato.console.operator.ages import age
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.edge.paging import Page
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.platform import Prepared, Refusal, Session, WorkflowRecord, WorkflowsAway, WorkflowState, place_of
from mercato_contracts.workflows import WorkflowOrder

router = page_router(slow=True)
_ROWS = 50


@dataclass(frozen=True, slots=True)
class QueuesPage:
    """Queues, and workflows of one state."""

    queues: Sequence[Queue]
    workflows: Sequence[WorkflowRecord]
    state: str
    states: Sequence[str]
    next: str | None
    is_first: bool
    now: datetime
    may_order: bool
    ordering: str = ""
    reason: str = ""
    """For the workflow `ordering`, whose order was not given: what was typed."""
    age: Callable[[int | None], str] = age

    def waited(self, queue: Queue) -> int | None:
        """For how many seconds the oldest has waited."""
        return None if queue.oldest is None else max(0, int((self.now - queue.oldest).total_seconds()))


@dataclass(frozen=True, slots=True)
class Looked:
    """What the engine says: workflows of one state, and how many are under way; or that it is away."""

    rows: Sequence[WorkflowRecord] = ()
    counts: WorkflowCounts = field(default_factory=dict)
    away: Refusal | None = None


async def _look(visit: SignedIn, parts: Parts, state: WorkflowState | None = None, before: str | None = None) -> Looked:
    desk = WorkflowDesk(parts.workflow_records)
    try:
        rows = await desk.page(visit.caller, state=state, before=before, limit=_ROWS)
        return Looked(rows, await desk.count(visit.caller))
    except WorkflowsAway as away:
        return Looked(away=away)


async def _find(workflow_id: str, visit: SignedIn, parts: Parts) -> Prepared[WorkflowRecord]:
    return await Prepared.by(WorkflowDesk(parts.workflow_records).get(visit.caller, workflow_id))


Seen = Annotated[Looked, Depends(_look)]
Found = Annotated[Prepared[WorkflowRecord], Depends(_find)]


@router.get("/ops/queues")
async def show_queues(
    visit: SignedIn, looked: Seen, session: Transaction, state: WorkflowState | None = None, before: str | None = None
) -> Response:
    """What waits, what failed."""
    page = await _page(visit, session, looked, state, is_first=before is None)
    return visit.show("operator/queues.html", page, refusal=looked.away)


@router.post("/ops/queues/{workflow_id}/{order}")
async def order_workflow(
    workflow_id: str,
    order: str,
    request: Request,
    visit: SignedIn,
    looked: Seen,
    found: Found,
    session: Transaction,
    parts: Parts,
) -> Response:
    """Retry or cancel a workflow."""
    form = await Form.of(request)
    chosen: Literal["retry", "cancel"] = "cancel" if order == "cancel" else "retry"
    try:
        wanted = as_request(WorkflowOrder, reason=form.find("reason"))
        await give_order(session, parts.outbox, visit.caller, found.take(), chosen, wanted.reason)
    except Refusal as refusal:
        page = await _page(visit, session, looked, None)
        page = replace(page, ordering=workflow_id, reason=form.get("reason")[:500])
        return visit.show("operator/queues.html", page, refusal=refusal)
    return visit.go("/ops/queues")


async def _page(
    visit: Visit, session: Session, looked: Looked, state: WorkflowState | None, *, is_first: bool = True
) -> QueuesPage:
    queues = await Backlog(session, visit.wiring.clock, looked.counts).show(visit.caller)
    states = cast(Sequence[str], get_args(WorkflowState))
    following = Page.of(looked.rows, _ROWS, place_of).next
    may_order = visit.caller.may(Permission.MARKETPLACE_WRITE)
    return QueuesPage(queues, looked.rows, state or "", states, following, is_first, visit.now, may_order)
