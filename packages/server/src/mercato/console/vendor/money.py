"""Who subscribed, what came in, what was paid out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from fastapi import Response

from mercato.billing import Agreement, Documents, IssuedPayout, Payout, Statements, UnbilledLine
from mercato.console import charts
from mercato.console.charts import Chart
from mercato.console.compared import last_compared
from mercato.console.routes import page_router
from mercato.console.units import charged_in
from mercato.console.vendor.dashboard import unpaid_of
from mercato.console.vendor.figures import period_of
from mercato.console.visit import SignedIn, Visit
from mercato.edge.names import Names
from mercato.edge.paging import After, Page
from mercato.edge.wiring import Parts, Transaction
from mercato.metering import Series, SeriesWanted, Summing
from mercato.platform import Malformed, Session, csv_head, csv_line
from mercato.publishing import Catalogue
from mercato.subscriptions import Subscription, Subscriptions

router = page_router()
_PAGE = 50
_AT_ONCE = 500
_MOST_SHOWN = 5
_TOP = 20
_MOST_EXPORTED = 300
_EXPORTED: tuple[Literal["calls", "failed", "charged_nanos"], ...] = ("charged_nanos", "calls", "failed")
Days = Literal["7", "30", "90"]
By = Literal["service", "consumer", "release", "operation"]


@dataclass(frozen=True, slots=True)
class SubscribersPage:
    """Subscriptions to the organisation's services, with names beside ids."""

    items: Sequence[Subscription]
    consumers: dict[str, str]
    services: dict[str, str]
    plans: dict[str, str]
    first: str
    next: str


@router.get("/vendor/subscribers")
async def show_subscribers(visit: SignedIn, session: Transaction, parts: Parts, after: After = None) -> Response:
    """Active and cancelled, in the order they began."""
    desk = Subscriptions(session, parts.clock, parts.ids, parts.outbox, Catalogue(session))
    rows = await desk.list_all(visit.caller, as_vendor=True, after=after, limit=_PAGE)
    names = Names(session)
    following = Page.of(rows, _PAGE).next
    here = "/vendor/subscribers"
    page = SubscribersPage(
        rows,
        await names.organisations({row.consumer_id for row in rows}),
        await names.services({row.service_id for row in rows}),
        await names.plans({row.plan_id for row in rows}),
        here if after else "",
        f"{here}?after={following}" if following else "",
    )
    return visit.show("vendor/subscribers.html", page)


@dataclass(frozen=True, slots=True)
class RevenueLine:
    """One value of the group that is shown, or all together, in one currency."""

    name: str
    currency: str
    calls: int
    failed: int
    charged: int
    before: int


@dataclass(frozen=True, slots=True)
class EarnedLine:
    """What the next payout would hold of a service in a month."""

    month: str
    service: str
    currency: str
    calls: int
    paid: int
    share: int
    earned: int


@dataclass(frozen=True, slots=True)
class RevenuePage:
    """The charts and the table of one question. `groups`: how many values there are; the table has the `shown` largest.

    No sum is made of several currencies: each has its chart and its total.
    """

    days: Days
    by: By
    charts: Sequence[Chart]
    lines: Sequence[RevenueLine]
    totals: Sequence[RevenueLine]
    groups: int
    shown: int
    unpaid: Sequence[tuple[str, int]]
    earned: Sequence[EarnedLine]
    take_rate_bp: int
    agreement: Agreement | None
    ranges: Sequence[Days] = field(default=("7", "30", "90"))
    by_choices: Sequence[By] = field(default=("service", "consumer", "release", "operation"))


@router.get("/vendor/revenue")
async def show_revenue(
    visit: SignedIn, session: Transaction, parts: Parts, days: Days = "30", by: By = "service"
) -> Response:
    """What consumers were charged, compared with as many days before; what the next payout would hold."""
    statements = Statements(session)
    unbilled = await statements.unbilled(visit.caller, "vendor")
    since, until = period_of(visit, int(days))
    wanted = SeriesWanted(
        side="vendor", since=since, until=until, step="day", zone=visit.zone,
        metrics=("charged_nanos", "calls", "failed"), groups=(by,), top=_TOP, compare=True,
    )  # fmt: skip
    found = await Summing(session, parts.clock).series(visit.caller, wanted)
    names = await _names(session, by, {line.keys[0] for line in found.lines})
    services = await Names(session).services({one.service_id for one in unbilled})
    page = RevenuePage(
        days, by, _charts(found, names, visit), _lines(found, names), _totals(found), found.groups,
        len({line.keys for line in found.lines}), unpaid_of(await statements.balance(visit.caller, "vendor")),
        _earned(unbilled, services), parts.take_rate_bp,
        await last_compared(visit, session, "vendor"),
    )  # fmt: skip
    return visit.show("vendor/revenue.html", page)


@router.get("/vendor/revenue/export")
async def export_revenue(
    visit: SignedIn, session: Transaction, parts: Parts, days: Days = "30", by: By = "service"
) -> Response:
    """The page's question as CSV: a line for each day and value of the group, every value that there is."""
    since, until = period_of(visit, int(days))
    wanted = SeriesWanted(
        side="vendor", since=since, until=until, step="day", zone=visit.zone, metrics=_EXPORTED, groups=(by,),
        top=_MOST_EXPORTED,
    )  # fmt: skip
    found = await Summing(session, parts.clock).series(visit.caller, wanted)
    if found.groups > _MOST_EXPORTED:
        raise Malformed(f"There are more than {_MOST_EXPORTED} of them. Export fewer days, or another group.")
    names = await _names(session, by, {line.keys[0] for line in found.lines})
    zone = ZoneInfo(visit.zone)
    text = [csv_head(("start_utc", f"day_{visit.zone}", by, "currency", *_EXPORTED))]
    for line in found.lines:
        for place, start in enumerate(found.steps.starts):
            figures = [line.values[name][place] for name in _EXPORTED]
            if any(figures):
                local = start.astimezone(zone).date()
                name = names.get(line.keys[0], "") or line.keys[0]
                text.append(csv_line((f"{start:%Y-%m-%dT%H:%M:%SZ}", local, name, line.currency, *figures)))
    return _csv(f"revenue-{days}-days-by-{by}", text)


def _csv(name: str, text: Sequence[str]) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}.csv"', "cache-control": "no-store"}
    return Response("".join(text), media_type="text/csv; charset=utf-8; header=present", headers=headers)


def _earned(lines: Sequence[UnbilledLine], services: dict[str, str]) -> list[EarnedLine]:
    """Added up by month and service; the marketplace's share has lines of its own in the ledger."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for line in lines:
        one = sums.setdefault((line.month, services.get(line.service_id, ""), line.currency), [0, 0, 0])
        one[0] += line.calls
        one[2 if line.item == "fee" else 1] -= line.amount_nanos
    return [
        EarnedLine(month, service, currency, calls, paid, -share, paid + share)
        for (month, service, currency), (calls, paid, share) in sorted(sums.items(), reverse=True)
    ]


async def _names(session: Session, by: By, ids: set[str]) -> dict[str, str]:
    if by == "operation":
        return {one: one for one in ids}
    names = Names(session)
    find = {"service": names.services, "consumer": names.organisations, "release": names.releases}[by]
    return await find(ids)


def _charts(found: Series, names: dict[str, str], visit: Visit) -> list[Chart]:
    """One for each currency, at least one."""
    currencies = [line.currency for line in found.totals] or ["USD"]
    return [_chart(found, names, visit, currency, alone=len(currencies) == 1) for currency in currencies]


def _chart(found: Series, names: dict[str, str], visit: Visit, currency: str, *, alone: bool) -> Chart:
    starts = found.steps.starts
    own = [line for line in found.lines if line.currency == currency]
    lines = [
        charts.Line(names.get(line.keys[0], "") or line.keys[0], line.values["charged_nanos"])
        for line in own[:_MOST_SHOWN]
    ]
    whole = next((line.values["charged_nanos"] for line in found.totals if line.currency == currency), [])
    rest = [total - sum(line.values[place] or 0 for line in lines) for place, total in enumerate(whole)]
    if any(rest):
        lines.append(charts.Line("all others", rest))
    title = "Charged to consumers" if alone else f"Charged to consumers, {currency}"
    return charts.bars(title, charts.periods(starts, visit.zone, timedelta(days=1)), lines, charged_in(currency))


def _lines(found: Series, names: dict[str, str]) -> list[RevenueLine]:
    return [
        RevenueLine(
            names.get(line.keys[0], "") or line.keys[0], line.currency, line.total["calls"], line.total["failed"],
            line.total["charged_nanos"], (line.before_total or {}).get("charged_nanos", 0),
        )
        for line in found.lines
    ]  # fmt: skip


def _totals(found: Series) -> list[RevenueLine]:
    return [
        RevenueLine(
            "All" if len(found.totals) == 1 else f"All, {line.currency}", line.currency, line.total["calls"],
            line.total["failed"], line.total["charged_nanos"], (line.before_total or {}).get("charged_nanos", 0),
        )
        for line in found.totals
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class PayoutsPage:
    """What was paid out, in the order it was issued."""

    items: Sequence[Payout]
    unpaid: Sequence[tuple[str, int]]
    first: str
    next: str


@router.get("/vendor/payouts")
async def show_payouts(visit: SignedIn, session: Transaction, after: After = None) -> Response:
    """Each with what consumers paid and what the marketplace kept."""
    rows = await Documents(session).payouts(visit.caller, everyone=False, after=after, limit=_PAGE)
    following = Page.of(rows, _PAGE).next
    here = "/vendor/payouts"
    page = PayoutsPage(
        rows, unpaid_of(await Statements(session).balance(visit.caller, "vendor")), here if after else "",
        f"{here}?after={following}" if following else "",
    )  # fmt: skip
    return visit.show("vendor/payouts.html", page)


@router.get("/vendor/payouts/export")
async def export_payouts(visit: SignedIn, session: Transaction) -> Response:
    """Every payout as CSV, in the order they were issued."""
    text = [csv_head(("number", "id", "period", "currency", "issued_at", "gross_nanos", "fee_nanos", "net_nanos"))]
    documents, after = Documents(session), None
    while rows := await documents.payouts(visit.caller, everyone=False, after=after, limit=_AT_ONCE):
        text += [
            csv_line((
                one.number, one.id, one.period, one.currency, f"{one.issued_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                one.gross_nanos, one.fee_nanos, one.net_nanos,
            ))
            for one in rows
        ]  # fmt: skip
        after = rows[-1].id
    return _csv("payouts", text)


@router.get("/vendor/payouts/{payout_id}/export")
async def export_payout(payout_id: str, visit: SignedIn, session: Transaction) -> Response:
    """What one payout is made of, as CSV."""
    issued = await Documents(session).payout(visit.caller, payout_id)
    services = await Names(session).services({line.service_id for line in issued.lines})
    columns = ("month", "calls", "gross_nanos", "fee_nanos", "net_nanos", "adjustment_id")
    text = [csv_head(("payout", "period", "service", "currency", *columns))]
    for line in issued.lines:
        figures = [getattr(line, name) for name in columns]
        head = (issued.payout.number, issued.payout.period, services.get(line.service_id, ""), issued.payout.currency)
        text.append(csv_line((*head, *figures)))
    return _csv(f"payout-{issued.payout.number}", text)


@dataclass(frozen=True, slots=True)
class PayoutPage:
    """One payout and what it is made of."""

    issued: IssuedPayout
    services: dict[str, str]


@router.get("/vendor/payouts/{payout_id}")
async def show_payout(payout_id: str, visit: SignedIn, session: Transaction) -> Response:
    """Line by line."""
    issued = await Documents(session).payout(visit.caller, payout_id)
    services = await Names(session).services({line.service_id for line in issued.lines})
    return visit.show("vendor/payout.html", PayoutPage(issued, services))
