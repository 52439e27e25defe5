"""The SQL of invoices and payouts."""

from sqlalchemy import select

from mercato.billing.models import Invoice, InvoiceLine, Payout, PayoutLine
from mercato.platform import Session


class DocumentRows:
    """Questions of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def invoices(self, consumer_id: str | None, after: str | None, limit: int) -> list[Invoice]:
        """In the order they were issued, of one consumer or of all."""
        query = select(Invoice).order_by(Invoice.id).limit(limit)
        if consumer_id is not None:
            query = query.where(Invoice.consumer_id == consumer_id)
        return list(await self._session.scalars(query if after is None else query.where(Invoice.id > after)))

    async def newest_invoices(self, before: str | None, limit: int) -> list[Invoice]:
        """Of all consumers, the newest first; `before` the last page's last id."""
        query = select(Invoice).order_by(Invoice.id.desc()).limit(limit)
        return list(await self._session.scalars(query if before is None else query.where(Invoice.id < before)))

    async def find_invoice(self, invoice_id: str) -> Invoice | None:
        return await self._session.get(Invoice, invoice_id)

    async def invoice_lines(self, invoice_id: str) -> list[InvoiceLine]:
        query = select(InvoiceLine).where(InvoiceLine.invoice_id == invoice_id).order_by(InvoiceLine.position)
        return list(await self._session.scalars(query))

    async def payouts(self, vendor_id: str | None, after: str | None, limit: int) -> list[Payout]:
        """In the order they were issued, of one vendor or of all."""
        query = select(Payout).order_by(Payout.id).limit(limit)
        if vendor_id is not None:
            query = query.where(Payout.vendor_id == vendor_id)
        return list(await self._session.scalars(query if after is None else query.where(Payout.id > after)))

    async def newest_payouts(self, before: str | None, limit: int) -> list[Payout]:
        """Of all vendors, the newest first; `before` the last page's last id."""
        query = select(Payout).order_by(Payout.id.desc()).limit(limit)
        return list(await self._session.scalars(query if before is None else query.where(Payout.id < before)))

    async def find_payout(self, payout_id: str) -> Payout | None:
        return await self._session.get(Payout, payout_id)

    async def payout_lines(self, payout_id: str) -> list[PayoutLine]:
        query = select(PayoutLine).where(PayoutLine.payout_id == payout_id).order_by(PayoutLine.position)
        return list(await self._session.scalars(query))
