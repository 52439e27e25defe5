"""Viewing as somebody else: an operator reads what a person of an organisation can read."""

from typing import Annotated

from fastapi import APIRouter, Depends

from mercato.admin import begin_view
from mercato.edge.caller import SignedIn
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Caller, Directory, ViewedPerson, Views, seen_through
from mercato_contracts.view_as import (
    CurrentView,
    PastView,
    PastViewPage,
    ViewAsRequest,
    ViewAsSetting,
    ViewAsState,
)

router = APIRouter(prefix="/api/view-as", tags=["identity"], route_class=TransactionalRoute)


def _views(session: Transaction, parts: Parts) -> Views:
    return Views(session, parts.clock, parts.ids, parts.outbox)


ViewDesk = Annotated[Views, Depends(_views)]


@router.post("", status_code=201, summary="View as a person of another organisation (operator)")
async def view_as(body: ViewAsRequest, caller: SignedIn, session: Transaction, parts: Parts) -> CurrentView:
    """From the next request on this session reads what the person can read, and no more than you may yourself: for half
    an hour, in one organisation, without changing anything. Nobody views as an administrator or as a person of the
    operator. Needs a proof of who you are from the last ten minutes. The audit log has its entry before the first read,
    and the organisation gets a notice; it may forbid views.
    """
    where = None if body.organisation is None else (await Directory(session).get_by_slug(body.organisation)).id
    began = await begin_view(
        session, parts.clock, parts.ids, parts.outbox, caller,
        user_id=body.person, organisation_id=where, reason=body.reason,
    )  # fmt: skip
    found = view_current(await seen_through(session, parts.clock.now(), caller, began.view_id)).view
    assert found is not None
    return found


@router.get("", summary="The view that this session is in")
async def show_view(caller: SignedIn) -> ViewAsState:
    """`view` is null where this session is your own."""
    return view_current(caller)


@router.delete("", status_code=204, summary="End the view that this session is in")
async def end_view(caller: SignedIn, desk: ViewDesk) -> None:
    """The session is your own again. Without a view nothing changes."""
    await desk.end(caller)


@router.get("/views", summary="Who viewed as people of your organisation")
async def list_views(caller: SignedIn, desk: ViewDesk, after: After = None, limit: PageSize = 50) -> PastViewPage:
    """The newest first. Operators see their own views."""
    page = Page.of(await desk.page(caller, before=after, limit=limit), limit, lambda each: each.view.id)
    return PastViewPage(items=[_view_past(each) for each in page.rows], next=page.next)


@router.get("/setting", summary="Whether operators may view as people of your organisation")
async def show_view_setting(caller: SignedIn, desk: ViewDesk) -> ViewAsSetting:
    """They may until an administrator forbids it."""
    return ViewAsSetting(allowed=await desk.is_allowed(caller))


@router.put("/setting", summary="Let operators view as people of your organisation, or not")
async def set_view_setting(body: ViewAsSetting, caller: SignedIn, desk: ViewDesk) -> ViewAsSetting:
    """Forbidding ends the views in force. Needs a proof of who you are from the last ten minutes. The same again
    changes nothing.
    """
    await desk.allow(caller, allowed=body.allowed)
    return body


def view_current(caller: Caller) -> ViewAsState:
    """The view that the caller is in."""
    seen = caller.viewing
    if seen is None:
        return ViewAsState(view=None)
    shown = CurrentView(
        id=seen.id, person=seen.user_id, name=seen.name, organisation=caller.organisation_slug,
        role=caller.role.value, reason=seen.reason, ends_at=seen.ends_at,
    )  # fmt: skip
    return ViewAsState(view=shown)


def _view_past(each: ViewedPerson) -> PastView:
    view = each.view
    return PastView(
        id=view.id, person=view.user_id, person_name=each.person, organisation_id=view.organisation_id,
        viewed_by=view.viewed_by, viewed_by_name=each.viewer, reason=view.reason, began_at=view.began_at,
        ends_at=view.ends_at, ended_at=view.ended_at,
    )  # fmt: skip
