"""Closing a period: invoices for consumers and payouts for vendors, from every posting that is on none yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

from mercato.billing.closing_rows import ClosingRows, Cut
from mercato.billing.models import ClosedPeriod, Invoice, InvoiceLine, Payout, PayoutLine
from mercato.billing.news import PeriodClosed
from mercato.billing.reconcile import month_days
from mercato.billing.refusals import PeriodMalformed
from mercato.identity import Caller, Permission
from mercato.platform import Clock, Ids, Outbox, Session
from mercato_contracts import ids as id_prefix


@dataclass(frozen=True, slots=True)
class Closing:
    """What a closing issued; empty if there was nothing new."""

    period: str
    is_complete: bool
    invoices: list[Invoice]
    payouts: list[Payout]


class Close:
    """Closes months. Documents are immutable; what arrives later is on the next ones, as an adjustment."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = ClosingRows(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def close(self, caller: Caller, period: str, until: datetime | None = None) -> Closing:
        """Issue what is due for `period` (`2026-11`).

        A past month is closed for good. The present month is billed so far and stays open; so does any month with
        `until`, which bills what was posted before that time. A closed month issues nothing. Raises `PeriodMalformed`,
        `StepUpNeeded`.
        """
        caller.require(Permission.MARKETPLACE_WRITE)
        caller.require_step_up(self._clock.now())
        cut, is_complete = self._cut(period, until)
        await self._rows.lock()
        if await self._rows.find_closed(period) is not None:
            return Closing(period, True, [], [])
        closed = await self._rows.closed_periods()
        invoices = await self._invoice(period, cut, closed)
        payouts = await self._pay(period, cut, closed)
        if is_complete:
            await self._rows.add(ClosedPeriod(period=period, closed_at=self._clock.now(), closed_by=caller.actor))
        await self._outbox.add(self._session, PeriodClosed(by=caller.actor, period=period))
        return Closing(period, is_complete, invoices, payouts)

    def _cut(self, period: str, until: datetime | None) -> tuple[Cut, bool]:
        now = self._clock.now()
        try:
            first, after = month_days(period)
        except ValueError:
            raise PeriodMalformed(f"{period!r} is not a month such as 2026-11.") from None
        begins, ends = _midnight(first), _midnight(after)
        if until is not None and (until.tzinfo is None or not begins <= until <= now):
            raise PeriodMalformed("`until` lies in the period, not ahead, and carries its offset.")
        if begins > now:
            raise PeriodMalformed(f"{period} has not begun.")
        return Cut(after, until), until is None and ends <= now

    async def _invoice(self, period: str, cut: Cut, closed: set[str]) -> list[Invoice]:
        issued: dict[tuple[str, str], str] = {}
        invoices = []
        for party, rows in _by_party(await self._rows.invoice_lines(cut)):
            invoice = await self._new_invoice(period, party, sum(int(row.amount_nanos) for row in rows))
            lines = [_invoice_line(invoice.id, n, row, period, closed) for n, row in enumerate(rows, start=1)]
            await self._rows.add(*lines)
            issued[party] = invoice.id
            invoices.append(invoice)
        await self._rows.mark_invoiced(issued)
        return invoices

    async def _new_invoice(self, period: str, party: tuple[str, str], total: int) -> Invoice:
        invoice = Invoice(
            id=self._ids.new(id_prefix.INVOICE),
            number=await self._rows.next_number(Invoice),
            consumer_id=party[0],
            currency=party[1],
            period=period,
            issued_at=self._clock.now(),
            total_nanos=total,
        )
        await self._rows.add(invoice)
        return invoice

    async def _pay(self, period: str, cut: Cut, closed: set[str]) -> list[Payout]:
        issued: dict[tuple[str, str], str] = {}
        payouts = []
        for party, rows in _by_party(await self._rows.payout_lines(cut)):
            payout = await self._new_payout(period, party, rows)
            lines = [_payout_line(payout.id, n, row, period, closed) for n, row in enumerate(rows, start=1)]
            await self._rows.add(*lines)
            issued[party] = payout.id
            payouts.append(payout)
        await self._rows.mark_paid(issued)
        return payouts

    async def _new_payout(self, period: str, party: tuple[str, str], rows: Sequence[Any]) -> Payout:
        gross = sum(int(row.gross_nanos) for row in rows)
        fee = sum(int(row.fee_nanos) for row in rows)
        payout = Payout(
            id=self._ids.new(id_prefix.PAYOUT),
            number=await self._rows.next_number(Payout),
            vendor_id=party[0],
            currency=party[1],
            period=period,
            issued_at=self._clock.now(),
            gross_nanos=gross,
            fee_nanos=fee,
            net_nanos=gross - fee,
        )
        await self._rows.add(payout)
        return payout


def _by_party(rows: Sequence[Any]) -> Iterator[tuple[tuple[str, str], list[Any]]]:
    """Rows in order, by organisation and currency."""
    for party, of_party in groupby(rows, key=lambda row: (row.organisation_id, row.currency)):
        yield party, list(of_party)


def _is_adjustment(row: Any, period: str, closed: set[str]) -> bool:
    return row.adjustment_id is not None or (row.month != period and row.month in closed)


def _invoice_line(invoice_id: str, position: int, row: Any, period: str, closed: set[str]) -> InvoiceLine:
    return InvoiceLine(
        invoice_id=invoice_id,
        position=position,
        item=row.item,
        month=row.month,
        is_adjustment=_is_adjustment(row, period, closed),
        service_id=row.service_id,
        plan_id=row.plan_id,
        subscription_id=row.subscription_id,
        calls=int(row.calls),
        tokens_in=int(row.tokens_in),
        tokens_out=int(row.tokens_out),
        included=int(row.included),
        amount_nanos=int(row.amount_nanos),
        adjustment_id=row.adjustment_id,
    )


def _payout_line(payout_id: str, position: int, row: Any, period: str, closed: set[str]) -> PayoutLine:
    gross, fee = int(row.gross_nanos), int(row.fee_nanos)
    return PayoutLine(
        payout_id=payout_id,
        position=position,
        month=row.month,
        is_adjustment=_is_adjustment(row, period, closed),
        service_id=row.service_id,
        calls=int(row.calls),
        gross_nanos=gross,
        fee_nanos=fee,
        net_nanos=gross - fee,
        adjustment_id=row.adjustment_id,
    )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
