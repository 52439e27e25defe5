"""The refusals of billing."""

from mercato.platform import Conflict, Malformed, NotFound, Refusal


class PeriodMalformed(Malformed):
    """Not a month, or one that has not begun, or `until` lies outside it."""

    code = "billing_period_malformed"
    title = "Not a period that can be closed"
    fix = "Give a month that has begun, such as 2026-11; `until`, if given, must lie in it and not in the future."


class StatementPeriodRefused(Malformed):
    """The statement's period is empty or reversed."""

    code = "statement_period_refused"
    title = "No such period"
    fix = "Give `since` and a later `until`, both days such as 2026-11-01."


class WorkloadEmpty(Refusal):
    """Nothing to price: no calls and no tokens."""

    code = "workload_empty"
    status = 422
    title = "Nothing to price"
    fix = "Give `calls` or tokens of a month, or leave all out where your organisation called the service last month."


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


class AdjustmentTargetUnknown(NotFound):
    """No such event or subscription, one that was not charged, or one of another vendor's service."""

    code = "adjustment_target_unknown"
    title = "No such charge to adjust"
    fix = "Find it with `GET /api/usage/events?side=vendor`; only calls of your own services that were billed count."


class ChargeNeedsOperator(Refusal):
    """Only operators may charge more, and only for one event."""

    code = "charge_needs_operator"
    status = 403
    title = "Only operators may charge more"
    fix = "Post a credit, or ask an operator to charge the event."


class AdjustmentPeriodMalformed(Malformed):
    """The days are not a period within one month."""

    code = "adjustment_period_malformed"
    title = "Not a period that can be adjusted"
    fix = "Give `since` and a later `until`, both days of one calendar month; `until` may be the next month's first."


class AdjustmentNothing(Refusal):
    """Nothing would change."""

    code = "adjustment_nothing"
    status = 422
    title = "Nothing to adjust"
    fix = "Give units or `nanos`; a call that was not charged has nothing to give back."


class AdjustmentExceedsCharge(Refusal):
    """More would be credited than was charged and not credited yet."""

    code = "adjustment_exceeds_charge"
    status = 422
    title = "More than was charged"
    fix = "Credit at most `facts.left`."


class AdjustmentReferenceReused(Conflict):
    """The reference was used for another adjustment."""

    code = "adjustment_reference_reused"
    title = "The reference was used for another adjustment"
    fix = "Use a new `reference` for a new adjustment; repeat one with its content unchanged."


class DisputeNotFound(NotFound):
    """No such dispute, or one between other organisations."""

    code = "dispute_not_found"
    title = "No such dispute"
    fix = "List them with `mp disputes list`; a vendor adds `--side vendor`."


class CallNotDisputable(Refusal):
    """The call cost nothing, or all of it was given back."""

    code = "call_not_disputable"
    status = 422
    title = "Nothing to dispute"
    fix = "Only a call that your organisation still pays for can be disputed; `mp call-detail` shows what it stands at."


class DisputeTooLate(Refusal):
    """The call is older than calls may be to be disputed."""

    code = "dispute_too_late"
    status = 422
    title = "Too late to dispute"
    fix = "Ask the vendor for a credit: vendors may credit calls of any age."


class CallAlreadyDisputed(Conflict):
    """The call has a dispute that is open or was decided."""

    code = "call_already_disputed"
    title = "The call is disputed already"
    fix = (
        "`mp disputes list` shows its state. A decision is final; only a withdrawn dispute may be followed by another."
    )


class DisputeOver(Conflict):
    """The dispute was decided, agreed on or withdrawn."""

    code = "dispute_over"
    title = "The dispute is over"
    fix = "Nothing is left to do; `mp disputes show` says how it ended."


class DisputeOwnPart(Refusal):
    """Whoever opened or answered a dispute does not decide it."""

    code = "dispute_own_part"
    status = 403
    title = "You took part in this dispute"
    fix = "Another operator decides it."
