"""Invoices that print, the statement, and budgets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request, Response

from mercato.api import billing as bills_api
from mercato.api import metering as budgets_api
from mercato.api import statements as api
from mercato.console.forms import Form, as_request
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn, Visit
from mercato.edge.wiring import Transaction
from mercato.identity import Directory, Permission
from mercato.metering import Budgets, month_start, next_month
from mercato.platform import Malformed, Refusal
from mercato_contracts.billing import InvoiceDetail, InvoicePage
from mercato_contracts.metering import BudgetList, BudgetRequest, BudgetView
from mercato_contracts.statements import BalanceAnswer, StatementAnswer, UnbilledAnswer

router = page_router()

_NANOS = 10**9
_LEAST_PART = 24
"""Less than this part of a day or month says nothing of the whole."""


@dataclass(frozen=True, slots=True)
class InvoicesPage:
    """What was issued, what comes next, and what is owed."""

    found: InvoicePage
    unbilled: UnbilledAnswer
    first: str
    next: str


@dataclass(frozen=True, slots=True)
class InvoiceSheet:
    """An invoice as it is printed."""

    invoice: InvoiceDetail


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Every posting of a period, with what stood before and after."""

    found: StatementAnswer
    balance: BalanceAnswer
    export: str
    first: str
    next: str


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """A budget, and what it is a budget of."""

    budget: BudgetView
    of: str
    by_its_end: int | None
    """What the day or month comes to at the pace so far; `None` where too little of it is over to say."""


@dataclass(frozen=True, slots=True)
class BudgetsPage:
    """Caps and how they stand."""

    lines: Sequence[BudgetLine]
    key_id: str
    may_write: bool
    typed: Mapping[str, str]


@router.get("/invoices")
async def show_invoices(
    visit: SignedIn,
    found: Annotated[InvoicePage, Depends(bills_api.list_invoices)],
    unbilled: Annotated[UnbilledAnswer, Depends(api.read_unbilled)],
) -> Response:
    """In the order they were issued, and the lines of the next one."""
    page = InvoicesPage(found, unbilled, visit.here.first(), visit.here.on("after", found.next))
    return visit.show("invoices.html", page)


@router.get("/invoices/{invoice_id}")
async def show_invoice(visit: SignedIn, found: Annotated[InvoiceDetail, Depends(bills_api.get_invoice)]) -> Response:
    """A sheet that prints."""
    return visit.show("invoice.html", InvoiceSheet(found))


@router.get("/statement")
async def show_statement(
    visit: SignedIn,
    found: Annotated[StatementAnswer, Depends(api.read_statement)],
    balance: Annotated[BalanceAnswer, Depends(api.read_balance)],
) -> Response:
    """Like a bank's: each line leads to its document and its calls."""
    export = f"{visit.prefix}/statement/export?{visit.here.query()}"
    page = StatementPage(found, balance, export, visit.here.first(), visit.here.on("after", found.next))
    return visit.show("statement.html", page)


@router.get("/statement/export")
async def export_statement(visit: SignedIn, answer: Annotated[Response, Depends(api.export_statement)]) -> Response:
    """The whole statement as a file."""
    assert visit.caller
    return answer


@router.get("/budgets")
async def show_budgets(
    visit: SignedIn, desk: budgets_api.BudgetDesk, session: Transaction, key_id: str = ""
) -> Response:
    """Every cap of the organisation and its keys, and what is left."""
    return visit.show("budgets.html", await _budgets_page(visit, desk, session, {"key_id": key_id[:64]}))


@router.post("/budgets")
async def put_budget(request: Request, visit: SignedIn, desk: budgets_api.BudgetDesk, session: Transaction) -> Response:
    """Sets or changes a cap; money is typed in whole units of its currency."""
    form = await Form.of(request)
    typed = {name: form.get(name)[:64] for name in ("key_id", "unit", "window", "cap", "side")}
    try:
        unit = typed["unit"] or "nanos"
        body = as_request(
            BudgetRequest, side=typed["side"] or None, key_id=typed["key_id"] or None, unit=unit,
            window="ever" if unit == "concurrent" else typed["window"] or None, cap=_cap(typed["cap"], unit),
        )  # fmt: skip
        await budgets_api.put_budget(body, visit.caller, desk)
    except Refusal as refusal:
        return visit.show("budgets.html", await _budgets_page(visit, desk, session, typed), refusal=refusal)
    return visit.go("/budgets")


@router.post("/budgets/{scope}/drop")
async def drop_budget(scope: str, visit: SignedIn, desk: budgets_api.BudgetDesk) -> Response:
    """Calls are no longer held to it."""
    await budgets_api.drop_budget(scope, visit.caller, desk)
    return visit.go("/budgets")


async def _budgets_page(visit: Visit, desk: Budgets, session: Transaction, typed: Mapping[str, str]) -> BudgetsPage:
    found: BudgetList = await budgets_api.list_budgets(visit.caller, desk)
    names = await Directory(session).party_names(keys={one.key_id for one in found.items if one.key_id})
    return BudgetsPage(
        lines=[
            BudgetLine(
                one, names.get(one.key_id, one.key_id) if one.key_id else "the organisation", by_its_end(one, visit.now)
            )
            for one in found.items
        ],
        key_id=typed.get("key_id", ""),
        may_write=visit.caller.may(Permission.KEYS_WRITE),
        typed=typed,
    )


def by_its_end(budget: BudgetView, now: datetime) -> int | None:
    """Of a budget by day or month (UTC): what would be used at its end if it went on like this."""
    if budget.window not in ("day", "month"):
        return None
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = month_start(now) if budget.window == "month" else midnight
    end = next_month(start) if budget.window == "month" else midnight + timedelta(days=1)
    gone = now - start
    return None if gone * _LEAST_PART < end - start else budget.used * (end - start) // gone


def _cap(text: str, unit: str) -> int:
    """A number as it was typed; of money with up to nine decimals, exactly."""
    whole, dot, decimals = text.replace(",", "").partition(".")
    if not whole.isdecimal() or len(whole) > 12 or (dot and not decimals.isdecimal()) or len(decimals) > 9:
        raise Malformed("The cap is a number, such as 100 or 12.50.")
    if unit != "nanos":
        if dot:
            raise Malformed("Only money has decimals.")
        return int(whole)
    return int(whole) * _NANOS + int((decimals or "0").ljust(9, "0"))
