"""The SQL of reconciliation: each query covers days, so none runs long."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import text

from mercato.platform import Session

_JOURNALS = text(
    "SELECT journal_id, sum(calls), sum(amount_nanos) FROM postings"
    " JOIN accounts ON accounts.id = postings.account_id AND accounts.kind = 'consumer'"
    " WHERE item = 'usage' AND day >= :since AND day < :until GROUP BY journal_id"
)
_UNBALANCED = text(
    "SELECT journal_id, sum(amount_nanos) FROM postings JOIN accounts ON accounts.id = postings.account_id"
    " WHERE day >= :since AND day < :until GROUP BY journal_id, currency HAVING sum(amount_nanos) <> 0"
    " ORDER BY 1 LIMIT :most"
)
_INVOICES = text(
    "SELECT id, total_nanos, lines, posted FROM invoices"
    " CROSS JOIN LATERAL (SELECT coalesce(sum(amount_nanos), 0) AS lines FROM invoice_lines WHERE invoice_id = id) AS l"
    " CROSS JOIN LATERAL (SELECT coalesce(sum(amount_nanos), 0) AS posted FROM invoiced_postings"
    "  JOIN postings ON postings.number = invoiced_postings.posting WHERE invoice_id = id) AS p"
    " WHERE period = ANY(CAST(:months AS text[])) AND (total_nanos <> lines OR total_nanos <> posted)"
    " ORDER BY id LIMIT :most"
)
_PAYOUTS = text(
    "SELECT id, net_nanos, lines, posted FROM payouts"
    " CROSS JOIN LATERAL (SELECT coalesce(sum(net_nanos), 0) AS lines FROM payout_lines WHERE payout_id = id) AS l"
    " CROSS JOIN LATERAL (SELECT coalesce(-sum(amount_nanos), 0) AS posted FROM paid_postings"
    "  JOIN postings ON postings.number = paid_postings.posting WHERE payout_id = id) AS p"
    " WHERE period = ANY(CAST(:months AS text[])) AND (payouts.net_nanos <> lines OR payouts.net_nanos <> posted)"
    " ORDER BY id LIMIT :most"
)
_ADJUSTMENTS = text(
    "SELECT adjustments.id, adjustments.nanos, coalesce(sum(amount_nanos) FILTER (WHERE kind_of = 'consumer'), 0),"
    " adjustments.fee_nanos, coalesce(-sum(amount_nanos) FILTER (WHERE kind_of = 'revenue'), 0) FROM adjustments"
    " LEFT JOIN (SELECT reference, amount_nanos, accounts.kind AS kind_of FROM journals"
    "  JOIN postings ON postings.journal_id = journals.id JOIN accounts ON accounts.id = postings.account_id"
    "  WHERE journals.kind = 'adjustment' AND day >= :since AND day < :until) AS posted"
    " ON posted.reference = adjustments.id"
    " WHERE since >= :since AND since < :until GROUP BY adjustments.id ORDER BY adjustments.id"
)
_ADJUSTED = text(
    "SELECT consumer_id, vendor_id, service_id, currency, sum(nanos) FROM adjustments"
    " WHERE since >= :since AND since < :until GROUP BY 1, 2, 3, 4"
)


class ReconcileRows:
    """Questions of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def journals(self, since: date, until: date) -> dict[str, tuple[int, int]]:
        """Calls and nano-units that consumers were charged for usage, by journal."""
        rows = await self._session.execute(_JOURNALS, {"since": since, "until": until})
        return {row[0]: (int(row[1]), int(row[2])) for row in rows}

    async def unbalanced(self, since: date, until: date, most: int) -> Sequence[Any]:
        """Journals that do not sum to zero."""
        return (await self._session.execute(_UNBALANCED, {"since": since, "until": until, "most": most})).all()

    async def documents(self, months: Sequence[str], most: int) -> Sequence[Any]:
        """Invoices and payouts that are not the sum of their lines, or of the postings that stand on them."""
        given = {"months": list(months), "most": most}
        invoices = (await self._session.execute(_INVOICES, given)).all()
        return [*invoices, *(await self._session.execute(_PAYOUTS, given)).all()]

    async def adjustments(self, since: date, until: date) -> Sequence[Any]:
        """Each adjustment: id, its nanos and those posted, its fee and that posted."""
        return (await self._session.execute(_ADJUSTMENTS, {"since": since, "until": until})).all()

    async def adjusted(self, since: date, until: date) -> Sequence[Any]:
        """What was adjusted by consumer, vendor, service and currency."""
        return (await self._session.execute(_ADJUSTED, {"since": since, "until": until})).all()
