"""Calls, disputes, documents, ledger and reconciliation, across the marketplace."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from fastapi import Request, Response

from mercato.billing import Agreement, Agreements, Close, Documents, Invoice, Ledger, Payout, TrialBalance
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.edge.names import Called, Names
from mercato.edge.paging import After, Page
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Directory, Permission
from mercato.metering import CallFilter, Calls, MeteredCall
from mercato.platform import Refusal, Session
from mercato_contracts.billing import CloseRequest

router = page_router()
_ROWS = 50
_DAYS = 100
_MONTH = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class CallsPage:
    """Single calls of everybody, the newest first."""

    items: Sequence[MeteredCall]
    names: dict[str, str]
    consumer: str
    only_failed: bool
    next: str | None
    is_first: bool


@router.get("/ops/calls")
async def show_calls(
    visit: SignedIn,
    session: Transaction,
    called: Called,
    consumer: str = "",
    failed: bool = False,
    after: str | None = None,
) -> Response:
    """Of the last 31 days."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    owner = (await Directory(session).get_by_slug(consumer)).id if consumer else None
    wanted = CallFilter(visit.now - _MONTH, visit.now, consumer_id=owner, only_failed=failed)
    found = await Calls(session).page(visit.caller, wanted, side="marketplace", key_id=None, after=after, limit=_ROWS)
    names = await called.organisations({each.consumer_id for each in found.items})
    names |= await called.services({each.service_id for each in found.items})
    page = CallsPage(found.items, names, consumer, failed, found.next, after is None)
    return visit.show("operator/calls.html", page)


@dataclass(frozen=True, slots=True)
class BillingPage:
    """Documents that were issued, and the form that closes a month."""

    invoices: Sequence[Invoice]
    payouts: Sequence[Payout]
    names: dict[str, str]
    period: str
    may_close: bool
    first: str
    next_invoices: str
    next_payouts: str


@router.get("/ops/billing")
async def show_billing(
    visit: SignedIn, session: Transaction, called: Called, invoices: After = None, payouts: After = None
) -> Response:
    """The newest first; each of the two lists has pages of its own."""
    return visit.show("operator/billing.html", await _billing(visit, session, called, invoices, payouts))


@router.post("/ops/billing")
async def close_month(
    request: Request, visit: SignedIn, session: Transaction, parts: Parts, called: Called
) -> Response:
    """Issue what is due. It needs a proof of who asks from the last ten minutes."""
    visit.caller.require(Permission.MARKETPLACE_WRITE)
    visit.caller.require_recent_proof(visit.now)
    form = await Form.of(request)
    try:
        wanted = as_request(CloseRequest, period=form.find("period"))
        await Close(session, parts.clock, parts.ids, parts.outbox).close(visit.caller, wanted.period)
    except Refusal as refusal:
        page = await _billing(visit, session, called)
        return visit.show("operator/billing.html", page, refusal=refusal)
    return visit.go("/ops/billing")


async def _billing(
    visit: Visit, session: Session, called: Names, invoices_before: str | None = None, payouts_before: str | None = None
) -> BillingPage:
    documents, here = Documents(session), visit.here
    invoices = await documents.newest_invoices(visit.caller, before=invoices_before, limit=_ROWS)
    payouts = await documents.newest_payouts(visit.caller, before=payouts_before, limit=_ROWS)
    parties = {row.consumer_id for row in invoices} | {row.vendor_id for row in payouts}
    last = (visit.now.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    names = await called.organisations(parties)
    may_close = visit.caller.may(Permission.MARKETPLACE_WRITE)
    return BillingPage(
        invoices, payouts, names, last, may_close, here.first(),
        here.on("invoices", Page.of(invoices, _ROWS).next), here.on("payouts", Page.of(payouts, _ROWS).next),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """Every account, and the sums that have to be zero."""

    balance: TrialBalance
    names: dict[str, str]


@router.get("/ops/ledger")
async def show_ledger(visit: SignedIn, session: Transaction, parts: Parts, called: Called) -> Response:
    """The trial balance."""
    ledger = Ledger(session, parts.clock, parts.ids, take_rate_bp=parts.take_rate_bp)
    balance = await ledger.trial_balance(visit.caller)
    names = await called.organisations({each.organisation_id for each in balance.accounts if each.organisation_id})
    return visit.show("operator/ledger.html", LedgerPage(balance, names))


@dataclass(frozen=True, slots=True)
class ReconciliationPage:
    """Day by day: usage added up, its events, the ledger."""

    days: Sequence[Agreement]
    next: str | None
    is_first: bool


@router.get("/ops/reconciliation")
async def show_reconciliation(
    visit: SignedIn, session: Transaction, parts: Parts, before: date | None = None
) -> Response:
    """The newest day first."""
    rows = await Agreements(session, parts.clock).page(visit.caller, side="marketplace", before=before, limit=31)
    following = str(rows[-1].day) if len(rows) == 31 else None
    return visit.show("operator/reconciliation.html", ReconciliationPage(rows, following, before is None))
