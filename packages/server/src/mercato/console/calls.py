"""Calls: the newest first by any filter, and one explained to the ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Response

from mercato.api import calls as api
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.identity import Permission
from mercato.platform import Refusal
from mercato_contracts.calls import CallExplanation, CallPage

router = page_router()

FILTERS: Mapping[str, str] = {
    "from": "From", "to": "To", "service_id": "Service", "key_id": "Key", "release_id": "Release",
    "deployment_id": "Deployment", "subscription_id": "Subscription", "request_id": "Request", "operation": "Operation",
    "status": "Status", "status_class": "Status class", "failed": "Failed", "error": "Error", "streamed": "Streamed",
    "client_left": "Client left", "fallback": "Fallback", "gateway": "Gateway", "duration_above_us": "Longer than (µs)",
    "price_above_nanos": "Dearer than (nanos)", "consumer_id": "Consumer", "vendor_id": "Vendor",
}  # fmt: skip


DISPUTE_KINDS: Mapping[str, str] = {
    "no_usable_answer": "No usable answer came",
    "wrong_count": "Tokens or calls are counted wrong",
    "wrong_price": "The price is wrong",
    "not_our_call": "We did not make this call",
    "other": "Something else",
}


@dataclass(frozen=True, slots=True)
class CallsPage:
    """A page of calls, and the filters in force."""

    found: CallPage
    chips: Sequence[tuple[str, str, str]]
    clear: str
    first: str
    next: str
    export: str
    live: bool
    """Whether the list renews itself: only the newest calls do."""
    turn: str
    """The address of the same list, live or not."""


@dataclass(frozen=True, slots=True)
class CallDetail:
    """One call with all that explains it."""

    found: CallExplanation
    upstream_us: int
    kinds: Sequence[tuple[str, str]]
    may_dispute: bool
    kind: str
    words: str
    """What the form of a dispute holds."""


@router.get("/calls")
async def show_calls(
    visit: SignedIn, found: Annotated[CallPage, Depends(api.list_calls)], live: bool = False
) -> Response:
    """As a consumer; the same filters as the API's list and its files. `live`: it renews itself."""
    here = visit.here
    is_live = live and not here.first()
    page = CallsPage(
        found=found,
        chips=here.chips(FILTERS),
        clear=visit.prefix + "/calls",
        first=here.first(),
        next=here.on("after", found.next),
        export=f"{visit.prefix}/calls/export?{here.query(['live'])}",
        live=is_live,
        turn=here.with_(live=None if is_live else "true"),
    )
    return visit.show("calls.html", page)


@router.get("/calls/export")
async def export_calls(visit: SignedIn, answer: Annotated[Response, Depends(api.export_calls)]) -> Response:
    """All that the filters find, as a file, without a cap."""
    assert visit.caller
    return answer


@router.get("/calls/{call_id}")
async def explain_call(visit: SignedIn, found: Annotated[CallExplanation, Depends(api.explain_call)]) -> Response:
    """The service asked for and the one that answered, the price line by line, limits, corrections, the ledger."""
    return show_call(visit, found)


def show_call(
    visit: Visit, found: CallExplanation, *, typed: tuple[str, str] = ("", ""), refusal: Refusal | None = None
) -> Response:
    """The call's page, with what was `typed` (kind and words) where its dispute was refused."""
    page = CallDetail(
        found=found,
        upstream_us=max(0, found.call.duration_us - found.call.overhead_us),
        kinds=list(DISPUTE_KINDS.items()),
        may_dispute=visit.caller.may(Permission.CALLS_DISPUTE),
        kind=typed[0],
        words=typed[1],
    )
    return visit.show("call.html", page, refusal=refusal)
