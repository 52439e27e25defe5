"""Step 6: usage events, invoices, payouts and the ledger, as the control API shows them."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from demo.accounts import Books, Metered, Sums
from demo.control import WAIT_SECONDS, Member
from demo.publishing import Offer
from demo.report import Report
from mercato_contracts.billing import CloseAnswer, InvoiceDetail, PayoutDetail, ReconciliationView, TrialBalanceView
from mercato_contracts.metering import UsageAnswer, UsageEventView
from mercato_contracts.money import Money


class Accountant:
    """The operator's view of the books, with names in the place of ids."""

    def __init__(self, operator: Member, consumers: Sequence[Member], offers: Sequence[Offer]) -> None:
        self._operator = operator
        self._consumers = consumers
        self._vendors = [offer.vendor for offer in offers]
        self._names = {party.organisation_id: party.slug for party in [*consumers, *self._vendors]}
        self._names |= {operator.listing(offer.service).id: offer.service for offer in offers}

    def events(self, at_least: int) -> list[Metered]:
        """Every usage event, once there are `at_least` so many and no more came; gateways ship them in batches."""
        deadline = time.monotonic() + WAIT_SECONDS
        seen = -1
        while (count := self._count()) < at_least or count != seen:
            if time.monotonic() > deadline:
                break  # what is missing is named by the comparison
            seen = count
            time.sleep(1)
        return [self._named(UsageEventView.model_validate(row)) for row in self._list_events()]

    def _count(self) -> int:
        totals = self._operator.get("/api/usage", side="marketplace")["totals"]
        return sum(row["calls"] for row in totals)

    def _list_events(self) -> list[object]:
        return list(self._operator.every("/api/usage/events", side="marketplace"))

    def _named(self, event: UsageEventView) -> Metered:
        return Metered(
            id=event.id,
            request_id=event.request_id,
            consumer=self._names.get(event.consumer_id, event.consumer_id),
            vendor=self._names.get(event.vendor_id, event.vendor_id),
            service=self._names.get(event.service_id, event.service_id),
            status=event.status,
            tokens_in=event.tokens_in,
            tokens_out=event.tokens_out,
            price_nanos=event.price_nanos,
        )

    def check_views(self, report: Report, books: Books) -> None:
        """What each organisation is shown of its own usage, and that no gateway claimed what the rules do not give."""
        for consumer in self._consumers:
            shown = _shown(consumer, "consumer")
            report.agree(f"usage shown to {consumer.slug}", str(books.of_consumer(consumer.slug)), str(shown))
        for vendor in self._vendors:
            shown = _shown(vendor, "vendor")
            report.agree(f"usage shown to {vendor.slug}", str(books.of_vendor(vendor.slug)), str(shown))
        report.agree("disputed calls", [], list(self._operator.every("/api/usage/disputes")))

    def check_ledger(self, report: Report, books: Books) -> int:
        """Bills what is not billed yet, then holds all bills against the events; what was invoiced, in nano-dollars."""
        period = datetime.now(UTC).strftime("%Y-%m")
        closing = CloseAnswer.model_validate(self._operator.post("/api/billing/close", {"period": period}))
        report.say(f"billed: {len(closing.invoices)} invoices and {len(closing.payouts)} payouts for {period}")
        invoiced = {consumer.slug: sum(map(_total, self._invoices(consumer))) for consumer in self._consumers}
        for name, nanos in invoiced.items():
            report.agree(f"invoices of {name}", _dollars(books.of_consumer(name).nanos), _dollars(nanos))
        for vendor in self._vendors:
            payouts, earned = self._payouts(vendor), books.of_vendor(vendor.slug).nanos
            gross = sum(payout.gross_nanos for payout in payouts)
            report.agree(f"payouts to {vendor.slug}, gross", _dollars(earned), _dollars(gross))
            fee, net = sum(payout.fee_nanos for payout in payouts), sum(payout.net_nanos for payout in payouts)
            report.agree(f"payouts to {vendor.slug}, fee and net", _dollars(gross), _dollars(fee + net))
            report.say(f"     of which the marketplace keeps {_dollars(fee)} and {vendor.slug} gets {_dollars(net)}")
        self._check_balance(report, period)
        return sum(invoiced.values())

    def _check_balance(self, report: Report, period: str) -> None:
        balance = TrialBalanceView.model_validate(self._operator.get("/api/ledger/trial-balance"))
        report.agree("the ledger's sum", {"USD": 0}, balance.sums)
        for account in balance.accounts:
            owner = self._names.get(account.organisation_id or "", "")
            report.say(f"     {f'{account.kind} {owner}'.strip():<32} {_dollars(account.balance_nanos):>20}")
        again = ReconciliationView.model_validate(self._operator.get("/api/ledger/reconciliation", period=period))
        report.agree("differences between events and ledger", [], again.differences)

    def _invoices(self, consumer: Member) -> list[InvoiceDetail]:
        rows = consumer.every("/api/invoices")
        return [InvoiceDetail.model_validate(consumer.get(f"/api/invoices/{row['id']}")) for row in rows]

    def _payouts(self, vendor: Member) -> list[PayoutDetail]:
        rows = vendor.every("/api/payouts")
        return [PayoutDetail.model_validate(vendor.get(f"/api/payouts/{row['id']}")) for row in rows]


def _shown(party: Member, side: str) -> Sums:
    rows = UsageAnswer.model_validate(party.get("/api/usage", side=side)).totals
    return sum((Sums(row.calls, row.tokens_in, row.tokens_out, row.price_nanos) for row in rows), Sums())


def _total(invoice: InvoiceDetail) -> int:
    """By its lines, which a person reads, and not by the sum that is printed above them."""
    return sum(line.amount_nanos for line in invoice.lines)


def _dollars(nanos: int) -> str:
    return str(Money(nanos))
