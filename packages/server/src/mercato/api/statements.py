"""Statement, balance, what is not billed yet, and whether the figures agree."""

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from mercato.api.entries import view_entries
from mercato.api.exports import answer_export, as_documented
from mercato.billing import (
    STATEMENT_COLUMNS,
    Agreement,
    Agreements,
    Estimates,
    Estimating,
    Statements,
    Workload,
    check_scope,
    statement_lines,
)
from mercato.edge.caller import SignedIn
from mercato.edge.names import Called
from mercato.edge.paging import After, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.platform import LineFormat
from mercato_contracts.figures import FiguresAgreement, FiguresAgreementPage, FiguresDifference
from mercato_contracts.metering import UsageSide
from mercato_contracts.statements import (
    BalanceAnswer,
    EstimateLineView,
    PlanEstimateView,
    PriceEstimate,
    StandingView,
    StatementAnswer,
    UnbilledAnswer,
    UnbilledLineView,
)

router = APIRouter(prefix="/api", tags=["billing"], route_class=TransactionalRoute)


def _statements(session: Transaction) -> Statements:
    return Statements(session)


def _agreements(session: Transaction, parts: Parts) -> Agreements:
    return Agreements(session, parts.clock)


def _estimating(session: Transaction, parts: Parts) -> Estimating:
    return Estimating(session, parts.clock)


def _days(parts: Parts, since: date | None = None, until: date | None = None) -> tuple[date, date]:
    """The present month so far, where nothing else is asked."""
    end = until or parts.clock.now().date() + timedelta(days=1)
    return since or (end - timedelta(days=1)).replace(day=1), end


Units = Annotated[int | None, Query(ge=0, le=10**12)]
Shelf = Annotated[Statements, Depends(_statements)]
Days = Annotated[tuple[date, date], Depends(_days)]


@router.get("/statement", summary="Every posting of your accounts, the newest first")
async def read_statement(
    caller: SignedIn,
    shelf: Shelf,
    called: Called,
    days: Days,
    side: UsageSide = "consumer",
    after: After = None,
    limit: PageSize = 50,
) -> StatementAnswer:
    """As a consumer: what was charged. As a vendor: what was earned, and the marketplace's share. As the marketplace:
    every account. Each names the invoice or payout that it stands on. Days are UTC; without them, the present month.
    """
    since, until = days
    found = await shelf.page(caller, side=side, since=since, until=until, after=after, limit=limit)
    return StatementAnswer(
        side=side,
        since=since,
        until=until,
        opening_nanos=found.opening,
        closing_nanos=found.closing,
        items=await view_entries(found.entries, called),
        next=found.next,
    )


@router.get(
    "/statement/export",
    summary="A whole statement as CSV or JSON lines",
    responses=as_documented("number,day,item,amount_nanos\r\n17,2026-11-02,usage,1000000\r\n"),
    response_class=Response,
)
async def export_statement(
    caller: SignedIn, parts: Parts, days: Days, side: UsageSide = "consumer", format: LineFormat = "csv"
) -> Response:
    """Without a cap, the newest first. What ends early lacks its last chunk."""
    since, until = days
    owner = check_scope(caller, side, since, until)
    return answer_export(
        parts, format, "statement", STATEMENT_COLUMNS,
        lambda session: statement_lines(session, format, side, owner, since, until),
    )  # fmt: skip


@router.get("/balance", summary="What your organisation stands at")
async def read_balance(caller: SignedIn, shelf: Shelf, called: Called, side: UsageSide = "consumer") -> BalanceAnswer:
    """One account for each currency; positive is what you owe. `unbilled_nanos` stands on no document yet."""
    found = await shelf.balance(caller, side)
    names = await called.organisations({one.organisation_id for one in found if one.organisation_id})
    own = set(StandingView.model_fields) - {"organisation"}
    return BalanceAnswer(
        items=[
            StandingView.model_validate(
                {name: getattr(one, name) for name in own} | {"organisation": names.get(one.organisation_id or "", "")}
            )
            for one in found
        ]
    )


@router.get("/unbilled", summary="What the next invoice or payout would hold")
async def read_unbilled(
    caller: SignedIn, shelf: Shelf, called: Called, side: Literal["consumer", "vendor"] = "consumer"
) -> UnbilledAnswer:
    """By month, service and plan, as far as it stands on no document yet; `totals` are the sums of these lines."""
    found = await shelf.unbilled(caller, side)
    services = await called.services({one.service_id for one in found})
    plans = await called.plans({one.plan_id for one in found})
    own = set(UnbilledLineView.model_fields) - {"service", "plan"}
    totals: dict[str, int] = {}
    for one in found:
        totals[one.currency] = totals.get(one.currency, 0) + one.amount_nanos
    items = [
        UnbilledLineView.model_validate(
            {name: getattr(one, name) for name in own}
            | {"service": services.get(one.service_id, ""), "plan": plans.get(one.plan_id, "")}
        )
        for one in found
    ]
    return UnbilledAnswer(side=side, totals=totals, items=items)


@router.get("/services/{vendor}/{name}/estimate", summary="What a month would cost under each plan of a service")
async def estimate_price(
    vendor: str,
    name: str,
    caller: SignedIn,
    desk: Annotated[Estimating, Depends(_estimating)],
    calls: Units = None,
    tokens_in: Units = None,
    tokens_out: Units = None,
) -> PriceEstimate:
    """Of the workload given; with none, of your organisation's own calls of the service in the month before, UTC.
    Nothing is subscribed to by it.
    """
    if calls is tokens_in is tokens_out is None:
        return view_estimates(await desk.of_last_month(caller, vendor, name))
    workload = Workload(calls or 0, tokens_in or 0, tokens_out or 0)
    return view_estimates(await desk.of_workload(caller, vendor, name, workload))


def view_estimates(found: Estimates) -> PriceEstimate:
    workload = found.workload
    return PriceEstimate(
        calls=workload.calls,
        tokens_in=workload.tokens_in,
        tokens_out=workload.tokens_out,
        since=found.since,
        items=[
            PlanEstimateView(
                plan_id=one.plan.id, plan=one.plan.name, currency=one.plan.currency, nanos=one.nanos,
                included_units=one.included_units, refused_units=one.refused_units,
                lines=[
                    EstimateLineView(item=line.item, units=line.units, unit_nanos=line.unit_nanos, nanos=line.nanos)
                    for line in one.lines
                ],
            )
            for one in found.plans
        ],
    )  # fmt: skip


@router.get("/usage/agreement", summary="Whether sums of usage, usage events and ledger agree, day by day")
async def list_agreements(
    caller: SignedIn,
    desk: Annotated[Agreements, Depends(_agreements)],
    side: UsageSide = "consumer",
    before: date | None = None,
    limit: PageSize = 31,
) -> FiguresAgreementPage:
    """Each day is compared once it is over, and again when usage of it comes in late. Organisations see whether their
    own figures agree; operators see everybody's. `mercato reconcile` compares any period anew.
    """
    rows = await desk.page(caller, side=side, before=before, limit=limit)
    following = rows[-1].day.isoformat() if len(rows) == limit else None
    return FiguresAgreementPage(items=[view_agreement(row) for row in rows], next=following)


def view_agreement(row: Agreement) -> FiguresAgreement:
    names = ("event_calls", "rollup_calls", "posted_calls", "event_nanos", "rollup_nanos", "posted_nanos")
    return FiguresAgreement.model_validate(
        {name: None if row.figures is None else getattr(row.figures, name) for name in names}
        | {"day": row.day, "checked_at": row.checked_at, "agrees": row.agrees}
        | {"differences": [FiguresDifference.model_validate(one) for one in row.differences]}
    )
