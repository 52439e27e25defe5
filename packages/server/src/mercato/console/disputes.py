"""Disputes of single calls: lists of consumers and vendors, and one dispute with a form for each side."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Response

from mercato.api import calls as calls_api
from mercato.api import disputes as api
from mercato.console.calls import DISPUTE_KINDS, show_call
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.edge.names import Called, Names
from mercato.edge.paging import After
from mercato.edge.wiring import Transaction
from mercato.identity import Permission
from mercato.metering import Calls, MeteredCall
from mercato.platform import Refusal, Session
from mercato_contracts.calls import CallExplanation
from mercato_contracts.disputes import (
    DisputeAnswerRequest,
    DisputeDecision,
    DisputePage,
    DisputeRequest,
    DisputeView,
)

router = page_router()

_LONGEST = 2_000


@dataclass(frozen=True, slots=True)
class DisputesPage:
    """The organisation's disputes as a consumer, or as a vendor."""

    found: DisputePage
    kinds: Mapping[str, str]
    as_vendor: bool
    only_open: bool
    first: str
    next: str


@dataclass(frozen=True, slots=True)
class OneDispute:
    """A dispute, the call that it is about, and what its reader may do. `typed`: what a refused form held."""

    found: DisputeView
    call: MeteredCall
    kind: str
    is_consumer: bool
    is_vendor: bool
    is_operator: bool
    may_withdraw: bool
    may_answer: bool
    may_decide: bool
    typed: str = ""


@router.post("/calls/{call_id}/dispute")
async def dispute_call(
    call_id: str,
    request: Request,
    visit: SignedIn,
    found: Annotated[CallExplanation, Depends(calls_api.explain_call)],
    desk: api.Desk,
    called: Called,
) -> Response:
    """Open one; its page shows its state from then on."""
    form = await Form.of(request)
    try:
        body = as_request(DisputeRequest, kind=form.find("kind"), words=form.find("words"))
        made = await api.dispute_call(call_id, body, visit.caller, desk, called)
    except Refusal as refusal:
        return show_call(visit, found, typed=(form.get("kind"), form.get("words")[:_LONGEST]), refusal=refusal)
    visit.made(made.id)
    return visit.go(f"/disputes/{made.id}")


@router.get("/disputes")
async def show_disputes(
    visit: SignedIn, desk: api.Desk, called: Called, before: After = None, open: bool = False
) -> Response:
    """Of the organisation's own calls; `open`: only those that wait."""
    return await _list(visit, desk, called, before, only_open=open, as_vendor=False)


@router.get("/vendor/disputes")
async def show_vendor_disputes(
    visit: SignedIn, desk: api.Desk, called: Called, before: After = None, open: bool = False
) -> Response:
    """Of calls of the organisation's services; `open`: only those that wait."""
    return await _list(visit, desk, called, before, only_open=open, as_vendor=True)


@router.get("/disputes/{dispute_id}")
async def show_dispute(
    dispute_id: str, visit: SignedIn, session: Transaction, desk: api.Desk, called: Called
) -> Response:
    """For its two sides and for operators."""
    return visit.show("dispute.html", await _one(visit, session, desk, called, dispute_id))


@router.post("/disputes/{dispute_id}/answer")
async def answer_dispute(
    dispute_id: str, request: Request, visit: SignedIn, session: Transaction, desk: api.Desk, called: Called
) -> Response:
    """As the vendor: words, or words and the money back."""
    form = await Form.of(request)
    try:
        body = as_request(DisputeAnswerRequest, words=form.find("words"), give_back=form.get("give_back") == "true")
        await api.answer_dispute(dispute_id, body, visit.caller, desk, called)
    except Refusal as refusal:
        page = await _one(visit, session, desk, called, dispute_id, form.get("words")[:_LONGEST])
        return visit.show("dispute.html", page, refusal=refusal)
    return visit.go(f"/disputes/{dispute_id}")


@router.post("/disputes/{dispute_id}/decision")
async def decide_dispute(
    dispute_id: str, request: Request, visit: SignedIn, session: Transaction, desk: api.Desk, called: Called
) -> Response:
    """As an operator."""
    form = await Form.of(request)
    try:
        body = as_request(DisputeDecision, verdict=form.find("verdict"), reason=form.find("reason"))
        await api.decide_dispute(dispute_id, body, visit.caller, desk, called)
    except Refusal as refusal:
        page = await _one(visit, session, desk, called, dispute_id, form.get("reason")[:_LONGEST])
        return visit.show("dispute.html", page, refusal=refusal)
    return visit.go(f"/disputes/{dispute_id}")


@router.post("/disputes/{dispute_id}/withdrawal")
async def withdraw_dispute(dispute_id: str, visit: SignedIn, desk: api.Desk, called: Called) -> Response:
    """As the consumer."""
    await api.withdraw_dispute(dispute_id, visit.caller, desk, called)
    return visit.go(f"/disputes/{dispute_id}")


async def _list(
    visit: Visit, desk: api.Desk, called: Names, before: str | None, *, only_open: bool, as_vendor: bool
) -> Response:
    side: api.Side = "vendor" if as_vendor else "consumer"
    found = await api.list_disputes(visit.caller, desk, called, side, only_open, before, 50)
    here = visit.here
    page = DisputesPage(found, DISPUTE_KINDS, as_vendor, only_open, here.first(), here.on("before", found.next))
    return visit.show("disputes.html", page)


async def _one(
    visit: Visit, session: Session, desk: api.Desk, called: Names, dispute_id: str, typed: str = ""
) -> OneDispute:
    caller = visit.caller
    found = await api.get_dispute(dispute_id, caller, desk, called)
    _, call = await Calls(session).find(caller, found.call_id)
    is_open = found.state == "open"
    is_consumer, is_vendor = caller.organisation_id == found.consumer_id, caller.organisation_id == found.vendor_id
    return OneDispute(
        found=found,
        call=call,
        kind=DISPUTE_KINDS[found.kind],
        is_consumer=is_consumer,
        is_vendor=is_vendor,
        is_operator=caller.is_operator,
        may_withdraw=is_open and is_consumer and caller.may(Permission.CALLS_DISPUTE),
        may_answer=is_open and is_vendor and caller.may(Permission.BILLING_CREDIT),
        may_decide=is_open and caller.may(Permission.MARKETPLACE_WRITE),
        typed=typed,
    )
