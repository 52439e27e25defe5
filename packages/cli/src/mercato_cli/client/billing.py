"""Invoices, payouts and corrections."""

from typing import Any, Literal

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
from mercato_contracts.calls import EntryView
from mercato_contracts.statements import BalanceAnswer, PriceEstimate, StatementAnswer, UnbilledAnswer


class BillingCalls(Transport):
    """Invoices, payouts and corrections."""

    def adjust(self, request: AdjustmentRequest) -> AdjustmentView:
        """The posted correction."""
        return self.ask(AdjustmentView, "POST", "/api/adjustments", request.model_dump(mode="json"))

    def statement(self, query: dict[str, Any], most: int) -> StatementAnswer:
        """The newest postings of a period, up to a limit, and the balances before and after it."""
        items: list[EntryView] = []
        after: str | None = None
        while True:
            asked = {**query, "after": after, "limit": min(most - len(items), 200)}
            page = self.ask(StatementAnswer, "GET", "/api/statement", query=asked)
            items += page.items
            after = page.next
            if after is None or len(items) >= most:
                return page.model_copy(update={"items": items})

    def balance(self, side: str) -> BalanceAnswer:
        """The organisation's balances."""
        return self.ask(BalanceAnswer, "GET", "/api/balance", query={"side": side})

    def unbilled(self, side: str) -> UnbilledAnswer:
        """The lines of the next invoice or payout."""
        return self.ask(UnbilledAnswer, "GET", "/api/unbilled", query={"side": side})

    def estimate(self, vendor: str, name: str, query: dict[str, Any]) -> PriceEstimate:
        """What a month would cost under each plan."""
        return self.ask(PriceEstimate, "GET", f"/api/services/{segment(vendor)}/{segment(name)}/estimate", query=query)

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
