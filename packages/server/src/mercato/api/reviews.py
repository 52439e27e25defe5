"""Reviews. Everybody reads them; who called the service writes one."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from mercato.discovery import Reviewed, Reviews
from mercato.edge.caller import SignedIn
from mercato.edge.paging import Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.viewer import Viewer
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato_contracts.reviews import (
    ReviewAnswerRequest,
    ReviewHideRequest,
    ReviewPage,
    ReviewRequest,
    ReviewView,
)

router = APIRouter(prefix="/api", tags=["discovery"], route_class=TransactionalRoute)


def _desk(session: Transaction, parts: Parts, viewer: Viewer) -> Reviews:
    return Reviews(session, parts.clock, parts.ids, parts.outbox, viewer)


Desk = Annotated[Reviews, Depends(_desk)]
Before = Annotated[str | None, Query(max_length=64)]


@router.get("/services/{vendor}/{name}/reviews", summary="Reviews of a service by who called it")
async def list_reviews(vendor: str, name: str, desk: Desk, before: Before = None, limit: PageSize = 20) -> ReviewPage:
    """The newest first, with the vendor's answers; hidden ones are left out."""
    return _page(await desk.list_page(vendor, name, before, limit), limit)


@router.get("/services/{vendor}/{name}/reviews/all", summary="Reviews of a service, hidden ones too; operators only")
async def list_all_reviews(
    vendor: str, name: str, caller: SignedIn, desk: Desk, before: Before = None, limit: PageSize = 20
) -> ReviewPage:
    """With the reason why each hidden one is hidden."""
    caller.require(Permission.MARKETPLACE_READ)
    return _page(await desk.list_page(vendor, name, before, limit, hidden_too=True), limit)


@router.get("/services/{vendor}/{name}/review", summary="Your organisation's review of a service")
async def get_own_review(vendor: str, name: str, caller: SignedIn, desk: Desk) -> ReviewView:
    """Also where it is hidden, with the reason. Not found where there is none."""
    return view_review(await desk.get_own(caller, vendor, name))


@router.put("/services/{vendor}/{name}/review", summary="Review a service that your organisation called")
async def write_review(vendor: str, name: str, body: ReviewRequest, caller: SignedIn, desk: Desk) -> ReviewView:
    """One for each organisation and service: sent again, it replaces the earlier one. It is shown with the
    organisation's name. Refused without an answered call; nobody reviews what they sell.
    """
    return view_review(await desk.write(caller, vendor, name, body.stars, body.words))


@router.delete("/services/{vendor}/{name}/review", status_code=204, summary="Take your organisation's review back")
async def remove_review(vendor: str, name: str, caller: SignedIn, desk: Desk) -> None:
    """The vendor's answer goes with it. A repeat is refused as not found."""
    await desk.remove(caller, vendor, name)


@router.put("/reviews/{review_id}/answer", summary="Answer a review of a service of yours")
async def answer_review(review_id: str, body: ReviewAnswerRequest, caller: SignedIn, desk: Desk) -> ReviewView:
    """Shown below the review. Sent again, it replaces the answer before."""
    return view_review(await desk.answer(caller, review_id, body.words))


@router.post("/reviews/{review_id}/hide", summary="Hide a review, with a reason")
async def hide_review(review_id: str, body: ReviewHideRequest, caller: SignedIn, desk: Desk) -> ReviewView:
    """It is shown to operators only and counts no more. A repeat replaces the reason."""
    return view_review(await desk.hide(caller, review_id, body.reason))


@router.post("/reviews/{review_id}/show", summary="Show a hidden review again, with a reason")
async def show_review(review_id: str, body: ReviewHideRequest, caller: SignedIn, desk: Desk) -> ReviewView:
    """It counts again. A repeat changes nothing but leaves an audit entry."""
    return view_review(await desk.show(caller, review_id, body.reason))


def view_review(reviewed: Reviewed) -> ReviewView:
    row = reviewed.row
    own = ReviewView.model_fields.keys() - {"organisation"}
    return ReviewView(**{name: getattr(row, name) for name in own}, organisation=reviewed.organisation)


def _page(found: list[Reviewed], limit: int) -> ReviewPage:
    following = Page.of(found, limit, lambda one: one.row.id).next
    return ReviewPage(items=[view_review(one) for one in found], next=following)
