"""What people found of the results of a search."""

from typing import Annotated

from fastapi import APIRouter, Depends

from mercato.discovery import Feedback
from mercato.edge.caller import SignedIn
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato_contracts.feedback import FeedbackFigures, FeedbackPosition, FeedbackRequest

router = APIRouter(prefix="/api", tags=["discovery"], route_class=TransactionalRoute)


def _desk(session: Transaction, parts: Parts) -> Feedback:
    return Feedback(session, parts.clock, parts.ids)


Desk = Annotated[Feedback, Depends(_desk)]


@router.post("/feedback", status_code=204, summary="Say what you found of a result of a search")
async def give_feedback(body: FeedbackRequest, caller: SignedIn, desk: Desk) -> None:
    """Kept for 90 days with your organisation, not with you. The same words and service again replace the verdict. At
    most 1,000 results of an organisation a day.
    """
    await desk.give(caller, body.query, body.service, body.position, body.verdict)


@router.get("/feedback", summary="How far down answers people find what they look for (operator)")
async def show_feedback(caller: SignedIn, desk: Desk) -> FeedbackFigures:
    """What was opened, called useful or not useful, by its place in the answer, in the last 90 days."""
    found = await desk.figures(caller)
    by_place: dict[int, dict[str, int]] = {}
    for position, verdict, times in found.positions:
        by_place.setdefault(position, {"opened": 0, "useful": 0, "not_useful": 0})[verdict] = times
    return FeedbackFigures(
        since=found.since,
        queries=found.queries,
        taken=found.taken,
        not_useful=found.not_useful,
        reciprocal_rank_bp=found.reciprocal_rank_bp,
        positions=[FeedbackPosition(position=position, **counts) for position, counts in sorted(by_place.items())],
    )
