"""Services whose usage claims cannot be true: the record, and the decision of a person."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends

from mercato.consumption import DisputeReview, DisputeReviews
from mercato.edge.caller import SignedIn
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato_contracts.metering import (
    DoubtedCallsList,
    DoubtedCallsView,
    UsageReviewDecision,
    UsageReviewPage,
    UsageReviewView,
)

router = APIRouter(prefix="/api/usage", tags=["usage"], route_class=TransactionalRoute)

_USUAL = timedelta(days=31)


def _reviews(session: Transaction, parts: Parts) -> DisputeReviews:
    return DisputeReviews(session, parts.clock, parts.ids, parts.outbox)


Desk = Annotated[DisputeReviews, Depends(_reviews)]


@router.get("/doubted", summary="Calls of your services whose token counts cannot be true, by day and reason")
async def list_doubted_calls(
    caller: SignedIn, desk: Desk, parts: Parts, everyone: bool = False, since: date | None = None
) -> DoubtedCallsList:
    """Since a day, or of the last 31. `everyone=true` shows those of all vendors to operators."""
    rows = await desk.list_days(caller, everyone=everyone, since=since or (parts.clock.now() - _USUAL).date())
    names = DoubtedCallsView.model_fields
    return DoubtedCallsList(items=[DoubtedCallsView(**{name: getattr(row, name) for name in names}) for row in rows])


@router.get("/reviews", summary="Services that an operator looks at, as many of their token counts cannot be true")
async def list_usage_reviews(
    caller: SignedIn,
    desk: Desk,
    everyone: bool = False,
    only_open: bool = False,
    before: After = None,
    limit: PageSize = 50,
) -> UsageReviewPage:
    """`everyone=true` shows those of all vendors to operators."""
    rows = await desk.list_all(caller, everyone=everyone, only_open=only_open, before=before, limit=limit)
    return UsageReviewPage(items=[view_review(row) for row in rows], next=Page.of(rows, limit).next)


@router.post("/reviews/{review_id}/decision", summary="Hold or clear a service whose counts are disputed (operators)")
async def decide_usage_review(
    review_id: str, body: UsageReviewDecision, caller: SignedIn, desk: Desk
) -> UsageReviewView:
    """`hold` takes its deployments out of routing, `clear` lets them back."""
    return view_review(await desk.decide(caller, review_id, body.verdict, body.reason))


def view_review(row: DisputeReview) -> UsageReviewView:
    return UsageReviewView.model_validate({name: getattr(row, name) for name in UsageReviewView.model_fields})
