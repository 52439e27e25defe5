"""The SQL of closing a period: postings on no invoice or payout yet are gathered once, then written as documents."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Row, func, select, text

from mercato.billing.models import ClosedPeriod, Invoice, InvoiceLine, Payout, PayoutLine
from mercato.platform import Session

_LOCK = 4_017_202_661  # any number, the same in every process that closes
# Gathered into a temporary table, so the summed and the marked postings are the same, whatever
# is posted meanwhile.
_GATHER = """
CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS
SELECT postings.*, accounts.organisation_id, accounts.currency, to_char(day, 'YYYY-MM') AS month,
  CASE WHEN journals.kind = 'adjustment' THEN journals.reference END AS adjustment_id
FROM postings
JOIN accounts ON accounts.id = postings.account_id AND accounts.kind = '{kind}'
JOIN journals ON journals.id = postings.journal_id
WHERE day < CAST('{before:%Y-%m-%d}' AS date) AND journals.at < CAST('{until}' AS timestamptz)
AND NOT EXISTS (SELECT FROM {marked} WHERE {marked}.posting = postings.number)
"""
_INVOICE_LINES = text(
    "SELECT organisation_id, currency, month, item, service_id, plan_id, subscription_id, adjustment_id,"
    " sum(calls) AS calls,"
    " sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out, sum(included) AS included,"
    " sum(amount_nanos) AS amount_nanos FROM closing_invoices"
    " GROUP BY organisation_id, currency, month, item, service_id, plan_id, subscription_id, adjustment_id"
    " ORDER BY organisation_id, currency, month, service_id, subscription_id, item DESC, adjustment_id"
)
_PAYOUT_LINES = text(
    "SELECT organisation_id, currency, month, service_id, adjustment_id, sum(calls) AS calls,"
    " coalesce(-sum(amount_nanos) FILTER (WHERE item <> 'fee'), 0) AS gross_nanos,"
    " coalesce(sum(amount_nanos) FILTER (WHERE item = 'fee'), 0) AS fee_nanos FROM closing_payouts"
    " GROUP BY organisation_id, currency, month, service_id, adjustment_id"
    " ORDER BY organisation_id, currency, month, service_id, adjustment_id NULLS FIRST"
)
_MARK = (
    "INSERT INTO {marked} (posting, {document}_id) SELECT number, document"
    " FROM closing_{document}s JOIN unnest(CAST(:organisations AS text[]), CAST(:currencies AS text[]),"
    " CAST(:documents AS text[])) AS issued (organisation_id, currency, document) USING (organisation_id, currency)"
)


@dataclass(frozen=True, slots=True)
class Cut:
    """What a closing covers: usage before the day `before`, posted before `until` if given."""

    before: date
    until: datetime | None


class ClosingRows:
    """One closing's rows; a second closing waits until the first has ended."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def lock(self) -> None:
        """One closing at a time."""
        await self._session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})

    async def find_closed(self, period: str) -> ClosedPeriod | None:
        return await self._session.get(ClosedPeriod, period)

    async def closed_periods(self) -> set[str]:
        return set(await self._session.scalars(select(ClosedPeriod.period)))

    async def add(self, *rows: ClosedPeriod | Invoice | InvoiceLine | Payout | PayoutLine) -> None:
        """Write these rows now."""
        self._session.add_all(rows)
        await self._session.flush()

    async def invoice_lines(self, cut: Cut) -> list[Row[tuple[object, ...]]]:
        """Sums of all that consumers owe and no invoice says, by consumer, currency, month and subscription."""
        await self._gather("closing_invoices", "consumer", "invoiced_postings", cut)
        return list((await self._session.execute(_INVOICE_LINES)).all())

    async def payout_lines(self, cut: Cut) -> list[Row[tuple[object, ...]]]:
        """Sums of all that vendors earned and no payout says, by vendor, currency, month and service."""
        await self._gather("closing_payouts", "vendor", "paid_postings", cut)
        return list((await self._session.execute(_PAYOUT_LINES)).all())

    async def mark_invoiced(self, invoices: Mapping[tuple[str, str], str]) -> None:
        """The gathered postings stand on these invoices, by consumer and currency."""
        await self._mark("invoiced_postings", "invoice", invoices)

    async def mark_paid(self, payouts: Mapping[tuple[str, str], str]) -> None:
        """The gathered postings stand on these payouts, by vendor and currency."""
        await self._mark("paid_postings", "payout", payouts)

    async def next_number(self, kind: type[Invoice] | type[Payout]) -> int:
        """The number after the highest; gapless, because closings run one at a time."""
        return int(await self._session.scalar(select(func.coalesce(func.max(kind.number), 0) + 1)) or 1)

    async def _gather(self, name: str, kind: str, marked: str, cut: Cut) -> None:
        statement = _GATHER.format(
            name=name,
            kind=kind,
            marked=marked,
            before=cut.before,
            until=cut.until.isoformat() if cut.until else "infinity",
        )
        await self._session.execute(text(statement.replace(":", "\\:")))

    async def _mark(self, marked: str, document: str, issued: Mapping[tuple[str, str], str]) -> None:
        if issued:
            await self._session.execute(
                text(_MARK.format(marked=marked, document=document)),
                {
                    "organisations": [organisation for organisation, _ in issued],
                    "currencies": [currency for _, currency in issued],
                    "documents": list(issued.values()),
                },
            )
