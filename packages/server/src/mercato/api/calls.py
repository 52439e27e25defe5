"""Single calls: lists, one explained, files of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from mercato.api.entries import view_entries
from mercato.api.exports import answer_export, as_documented
from mercato.api.metering import view_event, view_event_adjustment
from mercato.billing import Adjusted, Adjustment, ExplainedCall, Explaining, disputable_until
from mercato.edge.caller import SignedIn
from mercato.edge.names import Called, Names
from mercato.edge.paging import After
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.metering import EXPORTED, CallFilter, Calls, MeteredCall, export_lines
from mercato.platform import LineFormat
from mercato_contracts.calls import CallExplanation, CallPage, CallView, PriceLineView, SliceView
from mercato_contracts.disputes import CallDisputeView
from mercato_contracts.metering import UsageSide

router = APIRouter(prefix="/api", tags=["usage"], route_class=TransactionalRoute)

PageSize = Annotated[int, Query(ge=1, le=500)]
Text = Annotated[str | None, Query(max_length=300)]
AtLeast = Annotated[int | None, Query(ge=0, le=10**18)]


@dataclass(frozen=True, slots=True)
class Asked:
    """What narrows a list, and as what the caller looks."""

    side: UsageSide
    key_id: str | None
    filter: CallFilter


def _asked(
    parts: Parts,
    side: UsageSide = "consumer",
    since: datetime | None = None,
    until: datetime | None = None,
    key_id: After = None,
    consumer_id: After = None,
    vendor_id: After = None,
    service_id: After = None,
    release_id: After = None,
    deployment_id: After = None,
    subscription_id: After = None,
    request_id: After = None,
    operation: Text = None,
    status: Annotated[int | None, Query(ge=100, le=599)] = None,
    status_class: Annotated[Literal["1", "2", "3", "4", "5"] | None, Query()] = None,
    failed: bool = False,
    error: After = None,
    streamed: bool | None = None,
    client_left: bool | None = None,
    fallback: bool | None = None,
    gateway: Text = None,
    duration_above_us: AtLeast = None,
    price_above_nanos: AtLeast = None,
) -> Asked:
    """The last thirty days, where no period is asked for."""
    end = until or parts.clock.now() + timedelta(days=1)
    begin = since or end - timedelta(days=31)
    narrowed = CallFilter(
        begin, end, consumer_id=consumer_id, vendor_id=vendor_id, service_id=service_id, release_id=release_id,
        deployment_id=deployment_id, subscription_id=subscription_id, request_id=request_id, operation=operation,
        status=status, status_class=None if status_class is None else int(status_class), only_failed=failed,
        error=error, streamed=streamed, client_left=client_left, fallback=fallback, gateway=gateway,
        duration_above_us=duration_above_us, price_above_nanos=price_above_nanos,
    )  # fmt: skip
    return Asked(side, key_id, narrowed)


def _calls(session: Transaction) -> Calls:
    return Calls(session)


def _adjusted(session: Transaction) -> Adjusted:
    return Adjusted(session)


def _explaining(session: Transaction) -> Explaining:
    return Explaining(session)


Wanted = Annotated[Asked, Depends(_asked)]
CallDesk = Annotated[Calls, Depends(_calls)]


@router.get("/usage/calls", summary="List metered calls, the newest first, by any filter")
async def list_calls(
    caller: SignedIn,
    calls: CallDesk,
    adjusted: Annotated[Adjusted, Depends(_adjusted)],
    called: Called,
    wanted: Wanted,
    after: After = None,
    limit: PageSize = 50,
) -> CallPage:
    """As a consumer: your organisation's calls. As a vendor: those of its services, without keys and fallbacks. As the
    marketplace: all. Without a period, the last thirty days.
    """
    page = await calls.page(caller, wanted.filter, side=wanted.side, key_id=wanted.key_id, after=after, limit=limit)
    beside = await adjusted.of_events([row.id for row in page.items])
    return CallPage(items=await view_calls(page.items, beside, wanted.side, called), next=page.next)


@router.get(
    "/usage/calls/export",
    summary="All calls of a period as CSV or JSON lines",
    responses=as_documented("id,at,operation,price_nanos\r\nuse_…,2026-11-02T09:00:00.000000Z,POST /a,1000000\r\n"),
    response_class=Response,
)
async def export_calls(
    caller: SignedIn, calls: CallDesk, parts: Parts, wanted: Wanted, format: LineFormat = "csv"
) -> Response:
    """The same filters as the list, without a cap, the newest first; read it to the end, it is written meanwhile. In
    CSV a text that begins like a formula gets an apostrophe. What ends early lacks its last chunk.
    """
    scoped = await calls.scope(caller, wanted.filter, side=wanted.side, key_id=wanted.key_id)
    columns = [name for name in EXPORTED if wanted.side != "vendor" or name not in ("key_id", "asked_service_id")]
    return answer_export(
        parts, format, "calls", columns, lambda session: export_lines(session, scoped, format, columns)
    )


@router.get("/usage/calls/{call_id}", summary="One call with all that explains it")
async def explain_call(
    call_id: str, caller: SignedIn, desk: Annotated[Explaining, Depends(_explaining)], called: Called, parts: Parts
) -> CallExplanation:
    """The service asked for and the one that answered, how the price came about, what was spent of which limit, what
    was corrected, and where the ledger has it. Operators may read any call.
    """
    found = await desk.explain(caller, call_id)
    call, side = found.call, found.side
    if found.plan is not None:
        called.learn_plan(found.plan.id, found.plan.name)
    asked = call.asked_service_id if side != "vendor" else None
    (view,) = await view_calls([call], {call.id: found.adjustments}, side, called)
    spent = None if found.slices is None else [
        SliceView(lease=one.lease, units=one.units, scope=one.scope, window_start=one.window_start)
        for one in found.slices
    ]  # fmt: skip
    return CallExplanation(
        side=side,
        call=view,
        asked_service=None if asked is None else (await called.services([asked])).get(asked, asked),
        plan="" if found.plan is None else found.plan.name,
        is_owed=found.is_owed,
        lines=[
            PriceLineView.model_validate({name: getattr(line, name) for name in PriceLineView.model_fields})
            for line in found.lines
        ],
        spent=spent,
        adjustments=[view_event_adjustment(one) for one in found.adjustments],
        stands_at_nanos=call.price_nanos + sum(one.nanos for one in found.adjustments),
        entries=await view_entries(found.entries, called),
        dispute=_view_dispute(found),
        disputable_until=disputable_until(found, parts.clock.now()),
    )


def _view_dispute(found: ExplainedCall) -> CallDisputeView | None:
    row = found.dispute
    return None if row is None else CallDisputeView.model_validate({"id": row.id, "state": row.state})


async def view_calls(
    rows: Sequence[MeteredCall], adjusted: dict[str, list[Adjustment]], side: UsageSide, called: Names
) -> list[CallView]:
    with_key = side != "vendor"
    parties = {row.consumer_id for row in rows} | {row.vendor_id for row in rows}
    await called.learn_parties(parties, {row.key_id for row in rows} if with_key else ())
    organisations = await called.organisations(parties)
    # Releases first: they bring the names of their services.
    versions = await called.releases({row.release_id for row in rows})
    services = await called.services({row.service_id for row in rows})
    keys = await called.keys({row.key_id for row in rows}) if with_key else {}
    return [
        CallView(
            **dict(view_event(row, adjusted.get(row.id, []), with_key=with_key)),
            consumer=organisations.get(row.consumer_id, ""),
            vendor=organisations.get(row.vendor_id, ""),
            service=services.get(row.service_id, ""),
            version=versions.get(row.release_id, ""),
            key=keys.get(row.key_id, ""),
        )
        for row in rows
    ]
