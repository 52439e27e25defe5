"""What billing refuses."""

from mercato.platform import Malformed, NotFound


class PeriodMalformed(Malformed):
    """Not a month, or one that has not begun, or `until` lies outside it."""

    code = "billing_period_malformed"
    title = "Not a period that can be closed"
    fix = "Give a month that has begun, such as 2026-11; `until`, when given, lies in it and not ahead."


class InvoiceNotFound(NotFound):
    """The caller's organisation has no such invoice."""

    code = "invoice_not_found"
    title = "No such invoice"
    fix = "`GET /api/invoices` lists the invoices of your organisation."


class PayoutNotFound(NotFound):
    """The caller's organisation has no such payout."""

    code = "payout_not_found"
    title = "No such payout"
    fix = "`GET /api/payouts` lists the payouts of your organisation."
