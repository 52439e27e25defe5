"""Ledger, monthly fees, invoices, payouts.

* *Journal*: one entry of the ledger, whose postings sum to zero in each currency; it never changes.
* *Posting*: an amount on one account in nano-units; positive is debit.
* *Take rate*: the marketplace's share of what consumers pay, in basis points.
* *Adjustment*: a correction of what was charged, posted as a journal of its own.
* *Dispute*: a consumer's objection to what one call was charged; its vendor answers, an operator decides.
* *Closing*: the issue of a month's invoices and payouts; a closed month issues no more.
"""

from mercato.billing.adjust import Adjusted, Adjusting, Wanted
from mercato.billing.agreement import Agreement, Agreements
from mercato.billing.agreement_models import UsageAgreement
from mercato.billing.close import Close, Closing
from mercato.billing.dispute_models import CallDispute
from mercato.billing.disputes import DISPUTABLE, Disputes
from mercato.billing.documents import Documents, IssuedInvoice, IssuedPayout
from mercato.billing.estimates import Estimates, Estimating, PlanEstimate, Workload, estimate
from mercato.billing.explain import ExplainedCall, Explaining, PriceLine, disputable_until
from mercato.billing.fees import MonthlyFees, fee_subscriber
from mercato.billing.ledger import AccountBalance, Ledger, TrialBalance
from mercato.billing.models import Adjustment, Invoice, Payout
from mercato.billing.news import CallDisputed, ChargeAdjusted, DisputeAnswered, DisputeClosed, PeriodClosed
from mercato.billing.open_amounts import OpenAmounts, find_open_amounts
from mercato.billing.plan_changes import PlanChangeCost, PlanChanges, PlanCost
from mercato.billing.reconcile import (
    Difference,
    Disagreement,
    Progress,
    Reconciliation,
    Reconciling,
    Recounted,
    month_days,
)
from mercato.billing.statement import STATEMENT_COLUMNS, Statement, Statements, check_scope, statement_lines
from mercato.billing.statement_rows import Entry, Standing, UnbilledLine
from mercato.billing.takings import Taking, find_takings

__all__ = [
    "DISPUTABLE",
    "STATEMENT_COLUMNS",
    "AccountBalance",
    "Adjusted",
    "Adjusting",
    "Adjustment",
    "Agreement",
    "Agreements",
    "CallDispute",
    "CallDisputed",
    "ChargeAdjusted",
    "Close",
    "Closing",
    "Difference",
    "Disagreement",
    "DisputeAnswered",
    "DisputeClosed",
    "Disputes",
    "Documents",
    "Entry",
    "Estimates",
    "Estimating",
    "ExplainedCall",
    "Explaining",
    "Invoice",
    "IssuedInvoice",
    "IssuedPayout",
    "Ledger",
    "MonthlyFees",
    "OpenAmounts",
    "Payout",
    "PeriodClosed",
    "PlanChangeCost",
    "PlanChanges",
    "PlanCost",
    "PlanEstimate",
    "PriceLine",
    "Progress",
    "Reconciliation",
    "Reconciling",
    "Recounted",
    "Standing",
    "Statement",
    "Statements",
    "Taking",
    "TrialBalance",
    "UnbilledLine",
    "UsageAgreement",
    "Wanted",
    "Workload",
    "check_scope",
    "disputable_until",
    "estimate",
    "fee_subscriber",
    "find_open_amounts",
    "find_takings",
    "month_days",
    "statement_lines",
]
