"""Invoices, payouts, and the operator's view of the ledger."""

from dataclasses import asdict
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from mercato.billing import (
    AccountBalance,
    Adjusting,
    Adjustment,
    Close,
    Documents,
    Invoice,
    IssuedInvoice,
    IssuedPayout,
    Ledger,
    Payout,
    Reconciliation,
    Reconciling,
    Wanted,
)
from mercato.edge.caller import SignedIn
from mercato.edge.names import Called, Names
from mercato.edge.paging import After, Page, PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato_contracts.billing import (
    AccountView,
    AdjustmentPage,
    AdjustmentRequest,
    AdjustmentView,
    CloseAnswer,
    CloseRequest,
    DisagreementView,
    InvoiceDetail,
    InvoiceLineView,
    InvoicePage,
    InvoiceView,
    PayoutDetail,
    PayoutLineView,
    PayoutPage,
    PayoutView,
    Period,
    ReconciliationDifference,
    ReconciliationTotal,
    ReconciliationView,
    TrialBalanceView,
)

router = APIRouter(prefix="/api", tags=["billing"], route_class=TransactionalRoute)


def _documents(session: Transaction) -> Documents:
    return Documents(session)


def _close(session: Transaction, parts: Parts) -> Close:
    return Close(session, parts.clock, parts.ids, parts.outbox)


def _ledger(session: Transaction, parts: Parts) -> Ledger:
    return Ledger(session, parts.clock, parts.ids, take_rate_bp=parts.take_rate_bp)


def _reconciling(session: Transaction) -> Reconciling:
    return Reconciling(session)


def _adjusting(session: Transaction, parts: Parts) -> Adjusting:
    return Adjusting(session, parts.clock, parts.ids, parts.outbox)


Corrections = Annotated[Adjusting, Depends(_adjusting)]
Shelf = Annotated[Documents, Depends(_documents)]


@router.post("/billing/close", summary="Issue the invoices and payouts of a month (operators)")
async def close_period(
    body: CloseRequest, caller: SignedIn, close: Annotated[Close, Depends(_close)], called: Called
) -> CloseAnswer:
    """A month that is over is closed for good; the present one is issued up to now and stays open. Closing a closed
    month again issues nothing.
    """
    closing = await close.close(caller, body.period, body.until)
    names = await called.organisations(
        {invoice.consumer_id for invoice in closing.invoices} | {payout.vendor_id for payout in closing.payouts}
    )
    return CloseAnswer(
        period=closing.period,
        is_complete=closing.is_complete,
        invoices=[view_invoice(invoice, names.get(invoice.consumer_id, "")) for invoice in closing.invoices],
        payouts=[view_payout(payout, names.get(payout.vendor_id, "")) for payout in closing.payouts],
    )


@router.get("/invoices", summary="The invoices of your organisation")
async def list_invoices(
    caller: SignedIn,
    shelf: Shelf,
    called: Called,
    everyone: bool = False,
    after: After = None,
    limit: PageSize = 50,
) -> InvoicePage:
    """In the order they were issued. With `everyone=true`, an operator sees those of all organisations."""
    rows = await shelf.invoices(caller, everyone=everyone, after=after, limit=limit)
    names = await called.organisations({row.consumer_id for row in rows})
    items = [view_invoice(row, names.get(row.consumer_id, "")) for row in rows]
    return InvoicePage(items=items, next=Page.of(rows, limit).next)


@router.get("/invoices/{invoice_id}", summary="An invoice with its lines")
async def get_invoice(invoice_id: str, caller: SignedIn, shelf: Shelf, called: Called) -> InvoiceDetail:
    """Each line says what was used, at which price, and what was adjusted. Operators may read any invoice."""
    return await detail_invoice(await shelf.invoice(caller, invoice_id), called)


@router.get("/payouts", summary="List the payouts of your organisation")
async def list_payouts(
    caller: SignedIn,
    shelf: Shelf,
    called: Called,
    everyone: bool = False,
    after: After = None,
    limit: PageSize = 50,
) -> PayoutPage:
    """In the order they were issued. With `everyone=true`, an operator sees those of all organisations."""
    rows = await shelf.payouts(caller, everyone=everyone, after=after, limit=limit)
    names = await called.organisations({row.vendor_id for row in rows})
    items = [view_payout(row, names.get(row.vendor_id, "")) for row in rows]
    return PayoutPage(items=items, next=Page.of(rows, limit).next)


@router.get("/payouts/{payout_id}", summary="A payout with its lines")
async def get_payout(payout_id: str, caller: SignedIn, shelf: Shelf, called: Called) -> PayoutDetail:
    """Each line says what consumers paid for a service and what the marketplace kept. Operators may read any payout."""
    return await detail_payout(await shelf.payout(caller, payout_id), called)


@router.post("/adjustments", status_code=201, summary="Correct what was charged (operators; vendors credit)")
async def adjust_charges(body: AdjustmentRequest, caller: SignedIn, desk: Corrections) -> AdjustmentView:
    """Nothing is edited: an adjustment is posted on its own and stands as its own line on the next invoice and payout.
    A vendor may credit calls of its own services; only operators charge more. The same `reference` again returns the
    adjustment that was posted.
    """
    given = body.model_dump()
    return view_adjustment(await desk.adjust(caller, Wanted(calls=given.pop("requests"), **given)))


@router.get("/adjustments", summary="List adjustments")
async def list_adjustments(
    caller: SignedIn,
    desk: Corrections,
    side: Literal["consumer", "vendor", "marketplace"] = "consumer",
    after: After = None,
    limit: PageSize = 50,
) -> AdjustmentPage:
    """As a consumer: of your organisation's calls. As a vendor: of the calls of its services. As the marketplace: of
    all.
    """
    rows = await desk.list_all(caller, side=side, after=after, limit=limit)
    return AdjustmentPage(items=[view_adjustment(row) for row in rows], next=Page.of(rows, limit).next)


@router.get("/ledger/trial-balance", summary="Every account of the ledger, and their sum, which is zero (operators)")
async def trial_balance(caller: SignedIn, ledger: Annotated[Ledger, Depends(_ledger)]) -> TrialBalanceView:
    """The sum of each currency is zero; anything else is a fault of the ledger."""
    balance = await ledger.trial_balance(caller)
    return TrialBalanceView(accounts=[view_account(account) for account in balance.accounts], sums=balance.sums)


@router.get("/ledger/reconciliation", summary="A month, or days, recomputed from their usage events (operators)")
async def get_reconciliation(
    caller: SignedIn,
    desk: Annotated[Reconciling, Depends(_reconciling)],
    period: Annotated[Period | None, Query()] = None,
    since: date | None = None,
    until: date | None = None,
) -> ReconciliationView:
    """Give either a `period`, or the days from `since` until before `until`. Names every figure of the ledger that
    differs from what the usage events add up to. `mercato reconcile` does the same without a limit on the period.
    """
    if since is not None and until is not None and period is None:
        return view_reconciliation(await desk.reconcile_days(caller, since, until))
    return view_reconciliation(await desk.reconcile_month(caller, period or ""))


def view_adjustment(row: Adjustment) -> AdjustmentView:
    values = {name: getattr(row, name) for name in AdjustmentView.model_fields if name != "requests"}
    return AdjustmentView(**values, requests=row.calls)


def view_invoice(row: Invoice, consumer: str) -> InvoiceView:
    own = set(InvoiceView.model_fields) - {"consumer"}
    return InvoiceView(**{name: getattr(row, name) for name in own}, consumer=consumer)


def view_payout(row: Payout, vendor: str) -> PayoutView:
    own = set(PayoutView.model_fields) - {"vendor"}
    return PayoutView(**{name: getattr(row, name) for name in own}, vendor=vendor)


def view_account(account: AccountBalance) -> AccountView:
    return AccountView(
        id=account.account_id,
        kind=account.kind,
        organisation_id=account.organisation_id,
        currency=account.currency,
        balance_nanos=account.balance_nanos,
    )


async def detail_invoice(issued: IssuedInvoice, called: Names) -> InvoiceDetail:
    services = await called.services({line.service_id for line in issued.lines})
    plans = await called.plans({line.plan_id for line in issued.lines})
    own = set(InvoiceLineView.model_fields) - {"service", "plan"}
    lines = [
        InvoiceLineView(
            **{name: getattr(line, name) for name in own},
            service=services.get(line.service_id, ""),
            plan=plans.get(line.plan_id, ""),
        )
        for line in issued.lines
    ]
    consumers = await called.organisations({issued.invoice.consumer_id})
    view = view_invoice(issued.invoice, consumers.get(issued.invoice.consumer_id, ""))
    return InvoiceDetail(**view.model_dump(), lines=lines)


async def detail_payout(issued: IssuedPayout, called: Names) -> PayoutDetail:
    services = await called.services({line.service_id for line in issued.lines})
    own = set(PayoutLineView.model_fields) - {"service"}
    lines = [
        PayoutLineView(**{name: getattr(line, name) for name in own}, service=services.get(line.service_id, ""))
        for line in issued.lines
    ]
    vendors = await called.organisations({issued.payout.vendor_id})
    view = view_payout(issued.payout, vendors.get(issued.payout.vendor_id, ""))
    return PayoutDetail(**view.model_dump(), lines=lines)


def view_reconciliation(found: Reconciliation) -> ReconciliationView:
    differences = [
        ReconciliationDifference(
            day=item.key[0],
            consumer_id=item.key[1],
            vendor_id=item.key[2],
            service_id=item.key[3],
            currency=item.key[4],
            event_calls=item.event_calls,
            posted_calls=item.posted_calls,
            event_nanos=item.event_nanos,
            posted_nanos=item.posted_nanos,
        )
        for item in found.differences
    ]
    return ReconciliationView(
        since=found.digest.since.date(),
        until=found.digest.until.date(),
        calls=found.digest.calls,
        price_nanos={total.currency: total.price_nanos for total in found.digest.totals},
        digest=found.digest.digest,
        totals=[
            ReconciliationTotal(
                consumer_id=key[0], vendor_id=key[1], service_id=key[2], currency=key[3], **asdict(total)
            )
            for key, total in sorted(found.totals.items())
        ],
        differences=differences,
        disagreements=[DisagreementView(**asdict(item)) for item in found.disagreements],
    )
