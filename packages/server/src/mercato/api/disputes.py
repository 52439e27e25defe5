"""Disputes of single calls, as their consumer, their vendor and operators see them."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends

from mercato.billing import CallDispute, Disputes
from mercato.edge.caller import SignedIn
from mercato.edge.names import Called, Names
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato_contracts.disputes import (
    DisputeAnswerRequest,
    DisputeDecision,
    DisputePage,
    DisputeRequest,
    DisputeView,
)

router = APIRouter(prefix="/api", tags=["billing"], route_class=TransactionalRoute)

Side = Literal["consumer", "vendor", "marketplace"]


def _disputes(session: Transaction, parts: Parts) -> Disputes:
    return Disputes(session, parts.clock, parts.ids, parts.outbox)


Desk = Annotated[Disputes, Depends(_disputes)]


@router.post("/usage/calls/{call_id}/dispute", status_code=201, summary="Dispute what a call was charged")
async def dispute_call(call_id: str, body: DisputeRequest, caller: SignedIn, desk: Desk, called: Called) -> DisputeView:
    """One of your organisation's own calls that it still pays for, up to 60 days after it. A call has one dispute; only
    a withdrawn one may be followed by another.
    """
    return await _view(await desk.open(caller, call_id, body.kind, body.words), called)


@router.get("/disputes", summary="List disputes of calls")
async def list_disputes(
    caller: SignedIn,
    desk: Desk,
    called: Called,
    side: Side = "consumer",
    only_open: bool = False,
    before: After = None,
    limit: PageSize = 50,
) -> DisputePage:
    """As a consumer: of your organisation's calls. As a vendor: of calls of its services. As the marketplace: of all
    calls. The newest first.
    """
    rows = await desk.list_all(caller, side=side, only_open=only_open, before=before, limit=limit)
    return DisputePage(items=await view_disputes(rows, called), next=Page.of(rows, limit).next)


@router.get("/disputes/{dispute_id}", summary="One dispute of a call")
async def get_dispute(dispute_id: str, caller: SignedIn, desk: Desk, called: Called) -> DisputeView:
    """For the call's consumer, its vendor and operators."""
    return await _view(await desk.get(caller, dispute_id), called)


@router.post("/disputes/{dispute_id}/answer", summary="Answer a dispute of a call of your service")
async def answer_dispute(
    dispute_id: str, body: DisputeAnswerRequest, caller: SignedIn, desk: Desk, called: Called
) -> DisputeView:
    """With `give_back`, all that the call is still charged is credited and the dispute is over. Money moves then, so a
    session needs a proof of who asks from the last ten minutes.
    """
    return await _view(await desk.answer(caller, dispute_id, body.words, give_back=body.give_back), called)


@router.post("/disputes/{dispute_id}/decision", summary="Decide a dispute (operators)")
async def decide_dispute(
    dispute_id: str, body: DisputeDecision, caller: SignedIn, desk: Desk, called: Called
) -> DisputeView:
    """`upheld` credits all that the call is still charged, once; `rejected` leaves the charge. A session needs a proof
    of who asks from the last ten minutes. Nobody decides a dispute that they opened or answered.
    """
    return await _view(await desk.decide(caller, dispute_id, body.verdict, body.reason), called)


@router.post("/disputes/{dispute_id}/withdrawal", summary="Withdraw a dispute of your organisation")
async def withdraw_dispute(dispute_id: str, caller: SignedIn, desk: Desk, called: Called) -> DisputeView:
    """The charge stays. The call may be disputed again."""
    return await _view(await desk.withdraw(caller, dispute_id), called)


async def view_disputes(rows: Sequence[CallDispute], called: Names) -> list[DisputeView]:
    """With the names of both sides and of the service."""
    parties = await called.organisations({row.consumer_id for row in rows} | {row.vendor_id for row in rows})
    services = await called.services({row.service_id for row in rows})
    own = DisputeView.model_fields.keys() - {"call_id", "consumer", "vendor", "service"}
    return [
        DisputeView.model_validate(
            {name: getattr(row, name) for name in own}
            | {
                "call_id": row.event_id,
                "consumer": parties.get(row.consumer_id, ""),
                "vendor": parties.get(row.vendor_id, ""),
                "service": services.get(row.service_id, ""),
            }
        )
        for row in rows
    ]


async def _view(row: CallDispute, called: Names) -> DisputeView:
    return (await view_disputes([row], called))[0]
