"""Usage and budgets."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Query

from mercato.billing import Adjusted, Adjustment
from mercato.edge.caller import SignedIn
from mercato.edge.names import Called
from mercato.edge.paging import After, Page
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.metering import (
    Budgets,
    BudgetState,
    BudgetUnit,
    BudgetWindow,
    MeteredCall,
    Usage,
    UsageDispute,
    month_start,
    next_month,
)
from mercato_contracts.metering import (
    BudgetList,
    BudgetRequest,
    BudgetView,
    EventAdjustmentView,
    UsageAnswer,
    UsageDisputePage,
    UsageDisputeView,
    UsageEventPage,
    UsageEventView,
    UsageGroup,
    UsageSide,
    UsageSumView,
)

router = APIRouter(prefix="/api", tags=["usage"], route_class=TransactionalRoute)

PageSize = Annotated[int, Query(ge=1, le=500)]


def _usage(session: Transaction) -> Usage:
    return Usage(session)


def _budgets(session: Transaction, parts: Parts) -> Budgets:
    return Budgets(session, parts.clock, parts.outbox, parts.counters(session))


def _period(parts: Parts, since: datetime | None = None, until: datetime | None = None) -> tuple[datetime, datetime]:
    """The present month, where nothing else is asked."""
    begin = since or month_start(until or parts.clock.now())
    return begin, until or max(next_month(begin), next_month(parts.clock.now()))


def _adjusted(session: Transaction) -> Adjusted:
    return Adjusted(session)


Asked = Annotated[Usage, Depends(_usage)]
BudgetDesk = Annotated[Budgets, Depends(_budgets)]
Span = Annotated[tuple[datetime, datetime], Depends(_period)]


@router.get("/usage", summary="Usage by service, day, key, …, with totals")
async def summarise_usage(
    caller: SignedIn,
    usage: Asked,
    called: Called,
    span: Span,
    side: UsageSide = "consumer",
    group_by: UsageGroup = "service",
    service_id: After = None,
) -> UsageAnswer:
    """As a consumer: your organisation's calls. As a vendor: the calls of its services. As the marketplace: all calls.
    Without `since` and `until`, the present month.
    """
    since, until = span
    found = await usage.summarise(caller, side=side, group=group_by, since=since, until=until, service_id=service_id)
    names = await called.of_group(group_by, {item.group for item in found.items})
    return UsageAnswer(
        side=side,
        group_by=group_by,
        since=since,
        until=until,
        items=[UsageSumView(**asdict(item), name=names.get(item.group, "")) for item in found.items],
        totals=[UsageSumView(**asdict(item)) for item in found.totals],
    )


@router.get("/usage/events", summary="List metered calls")
async def list_usage_events(
    caller: SignedIn,
    usage: Asked,
    adjusted: Annotated[Adjusted, Depends(_adjusted)],
    span: Span,
    side: UsageSide = "consumer",
    request_id: After = None,
    service_id: After = None,
    after: After = None,
    limit: PageSize = 50,
) -> UsageEventPage:
    """In the order of their times, each with its price and adjustments. A vendor sees no keys of its consumers."""
    since, until = span
    rows = await usage.list_events(
        caller,
        side=side,
        since=since,
        until=until,
        after=after,
        limit=limit,
        request_id=request_id,
        service_id=service_id,
    )
    beside = await adjusted.of_events([row.id for row in rows])
    return UsageEventPage(
        items=[view_event(row, beside.get(row.id, []), with_key=side == "consumer") for row in rows],
        next=Page.of(rows, limit).next,
    )


@router.get("/usage/disputes", summary="Calls on which a gateway and the control plane disagreed (operators)")
async def list_usage_disputes(
    caller: SignedIn, usage: Asked, after: After = None, limit: PageSize = 50
) -> UsageDisputePage:
    """Each shows both figures and the reason; the control plane's own was charged."""
    rows = await usage.list_disputes(caller, after=after, limit=limit)
    return UsageDisputePage(
        items=[view_dispute(row) for row in rows], next=Page.of(rows, limit, lambda row: row.event_id).next
    )


@router.put("/budgets", summary="Set a budget for your organisation, one of its keys, or its services")
async def put_budget(body: BudgetRequest, caller: SignedIn, desk: BudgetDesk) -> BudgetView:
    """Gateways hold to the new cap from the next call on. `key_id` left out means the whole organisation. The same cap
    again changes nothing.
    """
    state = await desk.put(caller, key_id=body.key_id, unit=body.unit, window=body.window, cap=body.cap, side=body.side)
    return view_budget(state)


@router.get("/budgets", summary="List budgets and what is left of them")
async def list_budgets(caller: SignedIn, desk: BudgetDesk) -> BudgetList:
    """Each with what was used, what calls in flight hold, and what is left in the present window."""
    return BudgetList(items=[view_budget(state) for state in await desk.list_all(caller)])


@router.delete("/budgets/{scope}", status_code=204, summary="Remove a budget")
async def drop_budget(scope: str, caller: SignedIn, desk: BudgetDesk) -> None:
    """Calls are no longer held to it. A repeat is refused as not found."""
    await desk.drop(caller, scope)


def view_event(row: MeteredCall, adjustments: Sequence[Adjustment], *, with_key: bool) -> UsageEventView:
    values = {name: getattr(row, name) for name in UsageEventView.model_fields if name != "adjustments"}
    values |= {} if with_key else {"key_id": None, "asked_service_id": None}
    return UsageEventView(**values, adjustments=[view_event_adjustment(one) for one in adjustments])


def view_event_adjustment(row: Adjustment) -> EventAdjustmentView:
    return EventAdjustmentView(
        id=row.id,
        at=row.at,
        reason=row.reason,
        requests=row.calls,
        tokens_in=row.tokens_in,
        tokens_out=row.tokens_out,
        nanos=row.nanos,
    )


def view_dispute(row: UsageDispute) -> UsageDisputeView:
    return UsageDisputeView(**{name: getattr(row, name) for name in UsageDisputeView.model_fields})


def view_budget(state: BudgetState) -> BudgetView:
    budget, level = state.budget, state.level
    return BudgetView(
        scope=budget.scope,
        key_id=state.key_id,
        unit=cast(BudgetUnit, budget.unit),
        window=cast(BudgetWindow, budget.window),
        cap=budget.cap,
        used=level.used,
        held=level.leased,
        left=level.left,
        set_by=budget.set_by,
        set_at=budget.set_at,
    )
