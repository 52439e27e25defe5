"""What callers say of a service, and what its vendor answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query, Request, Response

from mercato.api import reviews as api
from mercato.api.publishing_views import view_service
from mercato.console.formatting import rating
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.service import Tab, tabs_of
from mercato.console.visit import Anybody, SignedIn, Visit
from mercato.discovery import Reviewing
from mercato.edge.paging import Page
from mercato.identity import Permission
from mercato.platform import Refusal
from mercato_contracts.publishing import ServiceView
from mercato_contracts.reviews import ReviewAnswerRequest, ReviewHideRequest, ReviewRequest, ReviewView

router = page_router()

_SHOWN = 20
_STARS = [("5", "5, the best"), ("4", "4"), ("3", "3"), ("2", "2"), ("1", "1, the worst")]
Before = Annotated[str | None, Query(max_length=64)]


@dataclass(frozen=True, slots=True)
class ReviewsPage:
    """Everything that the page shows. `written`: what was typed, where a form was refused."""

    service: ServiceView
    name: str
    tabs: Sequence[Tab]
    rating: str
    count: int
    items: Sequence[ReviewView]
    first: str
    next: str
    stars: Sequence[tuple[str, str]]
    own: ReviewView | None
    written: tuple[str, str]
    is_vendor: bool
    is_earned: bool
    may_write: bool
    may_answer: bool
    may_hide: bool


@router.get("/services/{vendor}/{name}/reviews")
async def show_reviews(vendor: str, name: str, visit: Anybody, desk: api.Desk, before: Before = None) -> Response:
    """The newest first, and the organisation's own to write or change."""
    return visit.show("service_reviews.html", await _page(visit, desk, vendor, name, before))


@router.post("/services/{vendor}/{name}/review")
async def write_review(vendor: str, name: str, request: Request, visit: SignedIn, desk: api.Desk) -> Response:
    """Sent again, it replaces the earlier one."""
    form = await Form.of(request)
    try:
        body = as_request(ReviewRequest, stars=form.get("stars"), words=form.get("words"))
        await api.write_review(vendor, name, body, visit.caller, desk)
    except Refusal as refusal:
        page = await _page(visit, desk, vendor, name, None, (form.get("stars"), form.get("words")))
        return visit.show("service_reviews.html", page, refusal=refusal)
    return visit.go(_of(vendor, name))


@router.post("/services/{vendor}/{name}/review/remove")
async def remove_review(vendor: str, name: str, visit: SignedIn, desk: api.Desk) -> Response:
    """The vendor's answer goes with it."""
    await api.remove_review(vendor, name, visit.caller, desk)
    return visit.go(_of(vendor, name))


@router.post("/services/{vendor}/{name}/reviews/{review_id}/answer")
async def answer_review(
    vendor: str, name: str, review_id: str, request: Request, visit: SignedIn, desk: api.Desk
) -> Response:
    """As the vendor."""
    body = as_request(ReviewAnswerRequest, words=(await Form.of(request)).get("words"))
    await api.answer_review(review_id, body, visit.caller, desk)
    return visit.go(_of(vendor, name))


@router.post("/services/{vendor}/{name}/reviews/{review_id}/hide")
async def hide_review(
    vendor: str, name: str, review_id: str, request: Request, visit: SignedIn, desk: api.Desk
) -> Response:
    """As an operator, with a reason."""
    body = as_request(ReviewHideRequest, reason=(await Form.of(request)).get("reason"))
    await api.hide_review(review_id, body, visit.caller, desk)
    return visit.go(_of(vendor, name))


@router.post("/services/{vendor}/{name}/reviews/{review_id}/show")
async def show_review(
    vendor: str, name: str, review_id: str, request: Request, visit: SignedIn, desk: api.Desk
) -> Response:
    """As an operator, with a reason."""
    body = as_request(ReviewHideRequest, reason=(await Form.of(request)).get("reason"))
    await api.show_review(review_id, body, visit.caller, desk)
    return visit.go(_of(vendor, name))


async def _page(
    visit: Visit, desk: api.Desk, vendor: str, name: str, before: str | None, typed: tuple[str, str] | None = None
) -> ReviewsPage:
    caller = None if visit.person is None else visit.caller
    found: Reviewing = await desk.show_to(caller, vendor, name, before, _SHOWN)
    service = view_service(found.listing)
    full = f"{service.vendor}/{service.name}"
    own = None if found.own is None else api.view_review(found.own)
    here = visit.at(_of(service.vendor, service.name))
    is_vendor = caller is not None and caller.organisation_id == found.listing.service.vendor_id
    return ReviewsPage(
        service=service,
        name=full,
        tabs=tabs_of(full, "reviews"),
        rating=rating(found.stars, found.count),
        count=found.count,
        items=[api.view_review(one) for one in found.page],
        first=here.first(),
        next=here.on("before", Page.of(found.page, _SHOWN, lambda one: one.row.id).next),
        stars=_STARS,
        own=own,
        written=typed or (("5", "") if own is None else (str(own.stars), own.words)),
        is_vendor=is_vendor,
        is_earned=found.is_earned,
        may_write=caller is not None and caller.may(Permission.SUBSCRIPTIONS_WRITE),
        may_answer=is_vendor and caller is not None and caller.may(Permission.SERVICES_PUBLISH),
        may_hide=caller is not None and caller.may(Permission.MARKETPLACE_WRITE),
    )


def _of(vendor: str, name: str) -> str:
    return f"/services/{vendor}/{name}/reviews"
