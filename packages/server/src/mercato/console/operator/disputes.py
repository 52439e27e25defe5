"""What an operator judges: calls that consumers dispute, and services whose counts cannot be true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from fastapi import Request, Response

from mercato.api.disputes import view_disputes
from mercato.billing import Disputes
from mercato.console.calls import DISPUTE_KINDS
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.consumption import DisputeReview, DisputeReviews, DoubtedCalls
from mercato.edge.names import Called, Names
from mercato.edge.paging import After, Page
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato.platform import Refusal, Session
from mercato_contracts.disputes import DisputeView
from mercato_contracts.metering import UsageReviewDecision

router = page_router()
_ROWS = 50
_DAYS = 100
_MONTH = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class DisputesPage:
    """Disputed calls, the newest first, and services whose counts could not be true; each list has its own pages."""

    calls: Sequence[DisputeView]
    kinds: Mapping[str, str]
    only_open: bool
    first_calls: str
    next_calls: str
    reviews: Sequence[DisputeReview]
    days: Sequence[DoubtedCalls]
    more_days: int
    """How many lines of days are left out."""
    services: dict[str, str]
    may_decide: bool
    first: str
    next: str
    deciding: str = ""
    reason: str = ""
    """Of the review `deciding`, which was not decided yet: what was typed."""


@router.get("/ops/disputes")
async def show_disputes(
    visit: SignedIn,
    session: Transaction,
    called: Called,
    before: After = None,
    calls: After = None,
    all: bool = False,
) -> Response:
    """Reviews that are open have forms; a call is decided on its dispute's page. `all`: decided disputes too."""
    page = await _disputes(visit, session, called, before, calls, only_open=not all)
    return visit.show("operator/disputes.html", page)


@router.post("/ops/disputes/{review_id}")
async def decide_usage_review(
    review_id: str, request: Request, visit: SignedIn, session: Transaction, parts: Parts, called: Called
) -> Response:
    """Hold the service's deployments, or clear it."""
    form = await Form.of(request)
    try:
        wanted = as_request(UsageReviewDecision, verdict=form.find("verdict"), reason=form.find("reason"))
        desk = DisputeReviews(session, parts.clock, parts.ids, parts.outbox)
        await desk.decide(visit.caller, review_id, wanted.verdict, wanted.reason)
    except Refusal as refusal:
        page = await _disputes(visit, session, called)
        page = replace(page, deciding=review_id, reason=form.get("reason")[:500])
        return visit.show("operator/disputes.html", page, refusal=refusal)
    return visit.go("/ops/disputes")


async def _disputes(
    visit: Visit,
    session: Session,
    called: Names,
    before: str | None = None,
    calls_before: str | None = None,
    *,
    only_open: bool = True,
) -> DisputesPage:
    parts, caller, here = visit.wiring, visit.caller, visit.at("/ops/disputes")
    disputes = Disputes(session, parts.clock, parts.ids, parts.outbox)
    calls = await disputes.list_all(caller, side="marketplace", only_open=only_open, before=calls_before, limit=_ROWS)
    desk = DisputeReviews(session, parts.clock, parts.ids, parts.outbox)
    rows = await desk.list_all(caller, everyone=True, only_open=False, before=before, limit=_ROWS)
    days = await desk.list_days(caller, everyone=True, since=(visit.now - _MONTH).date())
    reviewed = {row.service_id for row in rows} | {day.service_id for day in days}
    services = await called.services(reviewed | {call.service_id for call in calls})
    return DisputesPage(
        calls=await view_disputes(calls, called),
        kinds=DISPUTE_KINDS,
        only_open=only_open,
        first_calls=here.on("calls", "") if calls_before else "",
        next_calls=here.on("calls", Page.of(calls, _ROWS).next),
        reviews=rows,
        days=days[:_DAYS],
        more_days=max(0, len(days) - _DAYS),
        services=services,
        may_decide=caller.may(Permission.MARKETPLACE_WRITE),
        first=here.on("before", "") if before else "",
        next=here.on("before", Page.of(rows, _ROWS).next),
    )
