"""Invoices and payouts, as their organisations read them."""

from dataclasses import dataclass

from mercato.billing.document_rows import DocumentRows
from mercato.billing.models import Invoice, InvoiceLine, Payout, PayoutLine
from mercato.billing.refusals import InvoiceNotFound, PayoutNotFound
from mercato.identity import Caller, Permission
from mercato.platform import Session


@dataclass(frozen=True, slots=True)
class IssuedInvoice:
    """An invoice with its lines."""

    invoice: Invoice
    lines: list[InvoiceLine]


@dataclass(frozen=True, slots=True)
class IssuedPayout:
    """A payout with its lines."""

    payout: Payout
    lines: list[PayoutLine]


class Documents:
    """What was issued. Consumers read their invoices, vendors their payouts, operators all."""

    def __init__(self, session: Session) -> None:
        self._rows = DocumentRows(session)

    async def invoices(self, caller: Caller, *, everyone: bool, after: str | None, limit: int) -> list[Invoice]:
        """The organisation's invoices in the order they were issued; `everyone`'s for operators."""
        whose = None if _sees_all(caller, everyone) else caller.organisation_id
        return await self._rows.invoices(whose, after, limit)

    async def invoice(self, caller: Caller, invoice_id: str) -> IssuedInvoice:
        """Raises `InvoiceNotFound`."""
        caller.require(Permission.BILLING_READ)
        invoice = await self._rows.find_invoice(invoice_id)
        if invoice is None or not _may_read(caller, invoice.consumer_id):
            raise InvoiceNotFound(f"Your organisation has no invoice {invoice_id}.", invoice=invoice_id)
        return IssuedInvoice(invoice, await self._rows.invoice_lines(invoice_id))

    async def newest_invoices(self, caller: Caller, *, before: str | None, limit: int) -> list[Invoice]:
        """Every consumer's, the newest first. For operators."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._rows.newest_invoices(before, limit)

    async def newest_payouts(self, caller: Caller, *, before: str | None, limit: int) -> list[Payout]:
        """Every vendor's, the newest first. For operators."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._rows.newest_payouts(before, limit)

    async def payouts(self, caller: Caller, *, everyone: bool, after: str | None, limit: int) -> list[Payout]:
        """The organisation's payouts in the order they were issued; `everyone`'s for operators."""
        whose = None if _sees_all(caller, everyone) else caller.organisation_id
        return await self._rows.payouts(whose, after, limit)

    async def payout(self, caller: Caller, payout_id: str) -> IssuedPayout:
        """Raises `PayoutNotFound`."""
        caller.require(Permission.BILLING_READ)
        payout = await self._rows.find_payout(payout_id)
        if payout is None or not _may_read(caller, payout.vendor_id):
            raise PayoutNotFound(f"Your organisation has no payout {payout_id}.", payout=payout_id)
        return IssuedPayout(payout, await self._rows.payout_lines(payout_id))


def _sees_all(caller: Caller, everyone: bool) -> bool:
    caller.require(Permission.MARKETPLACE_READ if everyone else Permission.BILLING_READ)
    return everyone


def _may_read(caller: Caller, organisation_id: str) -> bool:
    return caller.organisation_id == organisation_id or caller.may(Permission.MARKETPLACE_READ)
