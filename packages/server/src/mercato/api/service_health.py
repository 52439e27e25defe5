"""How the marketplace's own services are doing. For operators."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from mercato.admin import HealthBook, HealthChange, ServiceNow, Span, Step, is_stale, worst
from mercato.edge.caller import SignedIn
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.platform import Malformed
from mercato_contracts.health import (
    GaugeView,
    HealthChangePage,
    HealthChangeView,
    HealthHistory,
    HealthSpan,
    HealthView,
    ServiceHealthView,
)

router = APIRouter(prefix="/api/health", tags=["health"], route_class=TransactionalRoute)


def _book(session: Transaction, parts: Parts) -> HealthBook:
    return HealthBook(session, parts.clock, parts.ids, parts.outbox)


Book = Annotated[HealthBook, Depends(_book)]


@router.get("", summary="The health of the marketplace's own services (operator)")
async def show_health(caller: SignedIn, book: Book, parts: Parts) -> HealthView:
    """Each is probed every 30 seconds by another process; two of the last three probes must fail before it is `down`.
    `unknown` means that nobody looked for 90 seconds. A probe is never a call that costs something.
    """
    return view_health(await book.now(caller), parts.clock.now())


@router.get("/changes", summary="Which services went down and came back (operator)")
async def list_health_changes(
    caller: SignedIn,
    book: Book,
    service: Annotated[str | None, Query(max_length=40)] = None,
    before: After = None,
    limit: PageSize = 50,
) -> HealthChangePage:
    """The newest first, of the last 90 days."""
    rows = await book.changes(caller, service, before=before, limit=limit)
    return HealthChangePage(items=[view_change(row) for row in rows], next=Page.of(rows, limit).next)


@router.get("/{service}/history", summary="How one service did over time (operator)")
async def show_health_history(
    service: str,
    caller: SignedIn,
    book: Book,
    parts: Parts,
    since: Annotated[datetime | None, Query(description="A day ago when left out; 90 days are kept")] = None,
    step: Step = "quarter",
) -> HealthHistory:
    """Probes, failed ones and latency of each span of time. Spans in which nobody probed are left out."""
    now = parts.clock.now()
    if since is not None and since.tzinfo is None:
        raise Malformed("Times carry their offset, such as 2026-11-01T00:00:00Z.")
    spans = await book.history(caller, service, since=since or now - timedelta(days=1), step=step)
    return HealthHistory(service=service, step=step, spans=[view_span(span) for span in spans])


def view_health(found: list[ServiceNow], now: datetime) -> HealthView:
    """The services and the worst of their states."""
    services = [_view_service(each, now) for each in found]
    return HealthView(state=worst([each.state for each in found]), at=now, services=services)


def _view_service(found: ServiceNow, now: datetime) -> ServiceHealthView:
    row = found.row
    gauges = [
        GaugeView(name=each.name, value=each.value, unit=each.unit, at=each.at, stale=is_stale(each, now))
        for each in found.gauges
    ]
    return ServiceHealthView(
        name=found.name,
        state=found.state,
        since=None if row is None else row.probed_at if found.state == "unknown" else row.since,
        probed_at=None if row is None else row.probed_at,
        probed_by="" if row is None else row.probed_by,
        latency_ms=None if row is None else row.latency_ms,
        version="" if row is None else row.version,
        detail=found.detail,
        gauges=gauges,
    )


def view_change(row: HealthChange) -> HealthChangeView:
    """The change as the API shows it."""
    return HealthChangeView.model_validate({name: getattr(row, name) for name in HealthChangeView.model_fields})


def view_span(span: Span) -> HealthSpan:
    """The span as the API shows it."""
    return HealthSpan(
        start=span.start,
        probes=span.probes,
        failed=span.failed,
        latency_ms=span.latency_ms,
        latency_max_ms=span.latency_max_ms,
    )
