"""The data map of billing: amounts of organisations. It knows people by their ids only."""

from mercato.billing.agreement_models import UsageAgreement
from mercato.billing.dispute_models import CallDispute
from mercato.billing.models import (
    Account,
    Adjustment,
    ClosedPeriod,
    Invoice,
    InvoicedPosting,
    InvoiceLine,
    Journal,
    PaidPosting,
    Payout,
    PayoutLine,
    Posting,
)
from mercato.platform import BOOKS, Keep, LegalBasis, describe

_USE = "calls tokens_in tokens_out"

describe(Account, "Where money of an organisation stands.", LegalBasis.LAW, BOOKS,
         ids="id organisation_id", facts="kind currency")  # fmt: skip
describe(Journal, "Why lines of the ledger were written.", LegalBasis.LAW, BOOKS,
         ids="id", facts="kind reference", measures="take_rate_bp", times="at")  # fmt: skip
describe(Posting, "The lines of the ledger.", LegalBasis.LAW, BOOKS,
         ids="journal_id account_id service_id subscription_id plan_id", facts="item",
         measures=f"number amount_nanos included {_USE}", times="day")  # fmt: skip
describe(Adjustment, "Corrections of what was charged.", LegalBasis.LAW, BOOKS,
         ids="id organisation_id event_id consumer_id vendor_id service_id subscription_id plan_id",
         people="posted_by", facts="currency reference", words="reason", measures=f"nanos fee_nanos {_USE}",
         times="at since until")  # fmt: skip
describe(CallDispute, "What consumers dispute of their calls, and how it ended.", LegalBasis.LAW, BOOKS,
         ids="id event_id consumer_id vendor_id service_id adjustment_id", people="opened_by answered_by closed_by",
         facts="kind currency state", words="words answer reason", measures="disputed_nanos returned_nanos",
         times="opened_at answered_at closed_at")  # fmt: skip
describe(ClosedPeriod, "Months whose invoices are issued.", LegalBasis.LAW, BOOKS,
         facts="period", people="closed_by", times="closed_at")  # fmt: skip
describe(Invoice, "What an organisation owes for a month.", LegalBasis.LAW, BOOKS,
         ids="id consumer_id", facts="currency period", measures="number total_nanos", times="issued_at")  # fmt: skip
describe(InvoiceLine, "The lines of invoices.", LegalBasis.LAW, BOOKS,
         ids="invoice_id service_id plan_id subscription_id adjustment_id", facts="item month is_adjustment",
         measures=f"position included amount_nanos {_USE}")  # fmt: skip
describe(InvoicedPosting, "On which invoice a line of the ledger stands.", LegalBasis.LAW, BOOKS,
         ids="invoice_id", measures="posting")  # fmt: skip
describe(Payout, "What an organisation earned in a month.", LegalBasis.LAW, BOOKS,
         ids="id vendor_id", facts="currency period", measures="number gross_nanos fee_nanos net_nanos",
         times="issued_at")  # fmt: skip
describe(PayoutLine, "The lines of payouts.", LegalBasis.LAW, BOOKS,
         ids="payout_id service_id adjustment_id", facts="month is_adjustment",
         measures="position calls gross_nanos fee_nanos net_nanos")  # fmt: skip
describe(PaidPosting, "On which payout a line of the ledger stands.", LegalBasis.LAW, BOOKS,
         ids="payout_id", measures="posting")  # fmt: skip
describe(UsageAgreement, "Whether usage, its sums and the ledger agree.", LegalBasis.LAW, Keep(days=800, since="day"),
         measures="event_calls rollup_calls posted_calls differing",
         facts="event_nanos rollup_nanos posted_nanos differences", times="day checked_at")  # fmt: skip
