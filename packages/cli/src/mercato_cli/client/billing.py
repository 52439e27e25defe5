"""Invoices, payouts and corrections."""

from typing import Literal

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.billing import (
    AdjustmentPage,
    AdjustmentRequest,
    AdjustmentView,
    InvoiceDetail,
    InvoicePage,
    InvoiceView,
    PayoutDetail,
    PayoutPage,
    PayoutView,
)


class BillingCalls(Transport):
    """Invoices, payouts and corrections."""

    def adjust(self, request: AdjustmentRequest) -> AdjustmentView:
        """The posted correction."""
        return self.ask(AdjustmentView, "POST", "/api/adjustments", request.model_dump(mode="json"))

    def list_adjustments(self, side: Literal["consumer", "vendor"]) -> list[AdjustmentView]:
        """Every correction seen from this side."""
        return list(self.pages(AdjustmentPage, "/api/adjustments", {"side": side}))

    def list_invoices(self, *, everyone: bool) -> list[InvoiceView]:
        """The organisation's invoices, or an operator's view of everyone's."""
        return list(self.pages(InvoicePage, "/api/invoices", {"everyone": "true" if everyone else None}))

    def invoice(self, invoice_id: str) -> InvoiceDetail:
        """An invoice with its lines."""
        return self.ask(InvoiceDetail, "GET", f"/api/invoices/{segment(invoice_id)}")

    def list_payouts(self, *, everyone: bool) -> list[PayoutView]:
        """The organisation's payouts, or an operator's view of everyone's."""
        return list(self.pages(PayoutPage, "/api/payouts", {"everyone": "true" if everyone else None}))

    def payout(self, payout_id: str) -> PayoutDetail:
        """A payout with its lines."""
        return self.ask(PayoutDetail, "GET", f"/api/payouts/{segment(payout_id)}")
