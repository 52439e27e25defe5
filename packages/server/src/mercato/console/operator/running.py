"""How the marketplace itself runs: health, gateways, queues and workflows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal, cast, get_args

from fastapi import Request, Response

from mercato.admin import Backlog, HealthBook, HealthChange, HealthGauge, Queue, ServiceNow, State, WorkflowDesk, worst
from mercato.console.forms import Form, as_request
from mercato.console.operator.ages import age
from mercato.console.routes import page_router
from mercato.console.small_charts import Strip, availability
from mercato.console.visit import SignedIn, Visit
from mercato.edge.paging import Page
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.metering import GatewayNow, Gateways
from mercato.platform import Refusal, Session, WorkflowRecord, WorkflowState, place_of
from mercato_contracts.workflows import WorkflowOrder

router = page_router()
_DAYS = 90
_ALL = 10_000
_CHANGES = 20
_ROWS = 50


@dataclass(frozen=True, slots=True)
class HealthPage:
    """Every service, 90 days of each, and what changed lately."""

    state: State
    services: Sequence[ServiceNow]
    strips: dict[str, Strip]
    changes: Sequence[HealthChange]
    age: Callable[[int | None], str] = age

    @property
    def gauges(self) -> list[HealthGauge]:
        """All but those of queues, which have a page of their own."""
        return [each for one in self.services for each in one.gauges if not each.name.startswith("outbox.")]


@router.get("/ops/health")
async def show_health(visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """As it was probed last."""
    book = HealthBook(session, parts.clock, parts.ids, parts.outbox)
    services = await book.now(visit.caller)
    since = visit.now - timedelta(days=_DAYS)
    spans = await book.history(visit.caller, None, since=since, step="day")
    days: dict[str, dict[date, int]] = {}
    for span in spans:
        days.setdefault(span.service, {})[span.start.date()] = (span.probes - span.failed) * 10_000 // span.probes
    strips = {name: _strip(name, own, visit.now) for name, own in days.items()}
    changes = await book.changes(visit.caller, None, before=None, limit=_CHANGES)
    page = HealthPage(worst([each.state for each in services]), services, strips, changes)
    return visit.show("operator/health.html", page)


def _strip(name: str, days: dict[date, int], now: datetime) -> Strip:
    wanted = [(now - timedelta(days=back)).date() for back in range(_DAYS - 1, -1, -1)]
    drawn = availability(name, [(day, days.get(day)) for day in wanted])
    return replace(drawn, sentence=f"Probed on {len(days)} of {_DAYS} days; {_worst(days)}")


def _worst(days: dict[date, int]) -> str:
    day, points = min(days.items(), key=lambda each: each[1])
    if points == _ALL:
        return "every probe succeeded."
    return f"{points // 100}.{points % 100:02d} % of the probes of {day:%-d %b %Y} succeeded, the fewest of a day."


@dataclass(frozen=True, slots=True)
class GatewaysPage:
    """Each gateway that reported in the last days."""

    items: Sequence[GatewayNow]
    now: datetime

    def is_silent(self, gateway: GatewayNow) -> bool:
        """Whether it has been silent for so long that its leases have ended."""
        return self.now - gateway.seen_at > timedelta(minutes=2)


@router.get("/ops/gateways")
async def show_gateways(visit: SignedIn, session: Transaction) -> Response:
    """Who borrowed what, and how far each has shipped its usage."""
    return visit.show("operator/gateways.html", GatewaysPage(await Gateways(session).list_all(visit.caller), visit.now))


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
    age: Callable[[int | None], str] = age

    def waited(self, queue: Queue) -> int | None:
        """For how many seconds the oldest has waited."""
        return None if queue.oldest is None else max(0, int((self.now - queue.oldest).total_seconds()))


@router.get("/ops/queues")
async def show_queues(
    visit: SignedIn, session: Transaction, parts: Parts, state: WorkflowState | None = None, before: str | None = None
) -> Response:
    """What waits, what failed."""
    return visit.show("operator/queues.html", await _queues(visit, session, state, before))


@router.post("/ops/queues/{workflow_id}/{order}")
async def order_workflow(
    workflow_id: str, order: str, request: Request, visit: SignedIn, session: Transaction, parts: Parts
) -> Response:
    """Retry or cancel a workflow."""
    form = await Form.of(request)
    chosen: Literal["retry", "cancel"] = "cancel" if order == "cancel" else "retry"
    try:
        wanted = as_request(WorkflowOrder, reason=form.find("reason"))
        desk = WorkflowDesk(session, parts.outbox, parts.workflow_records)
        await desk.order(visit.caller, workflow_id, chosen, wanted.reason)
    except Refusal as refusal:
        return visit.show("operator/queues.html", await _queues(visit, session, None, None), refusal=refusal)
    return visit.go("/ops/queues")


async def _queues(visit: Visit, session: Session, state: WorkflowState | None, before: str | None) -> QueuesPage:
    parts = visit.wiring
    queues = await Backlog(session, parts.clock, parts.workflow_records).show(visit.caller)
    desk = WorkflowDesk(session, parts.outbox, parts.workflow_records)
    rows = await desk.page(visit.caller, state=state, before=before, limit=_ROWS)
    states = cast(Sequence[str], get_args(WorkflowState))
    following = Page.of(rows, _ROWS, place_of).next
    may_order = visit.caller.may(Permission.MARKETPLACE_WRITE)
    return QueuesPage(queues, rows, state or "", states, following, before is None, visit.now, may_order)
