"""Is a usage event what the control plane would have said? Where not, its own figures count, and the claim is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from mercato.consumption.limits import included_scope
from mercato.metering import Appraised, Lent, call_time, event_time
from mercato.publishing import Plan
from mercato.subscriptions import Terms
from mercato_contracts.dataplane import UsageEvent
from mercato_contracts.pricing import Charge, QuotaUnit, charge, is_owed

# Beyond any call that was ever made: a figure above is a fault, not a bill.
_MOST_TOKENS = 10**12
_MOST_NANOS = 10**15
_CLOCKS_MAY_DIFFER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Known:
    """What the control plane knows about the things that events name."""

    terms: Mapping[str, Terms]
    key_owners: Mapping[str, str]
    lent: Mapping[str, Lent]


def appraise(claimed: UsageEvent, known: Known) -> Appraised:
    """The event with the control plane's own ids and figures.

    The subscription says who pays whom for what. Where it is unknown, where the key belongs to somebody else, or where
    a figure is beyond reason, nobody is charged; all of it shows in `disputes`.
    """
    terms = known.terms.get(claimed.subscription_id)
    if terms is None:
        return _unbillable(claimed, "subscription_unknown")
    if known.key_owners.get(claimed.key_id) != terms.subscription.consumer_id:
        return _unbillable(claimed, "key_of_another")
    if max(claimed.tokens_in, claimed.tokens_out) > _MOST_TOKENS:
        return _unbillable(claimed, "beyond_reason")
    own = own_charge(claimed, terms.plan, _included_spent(claimed, known))
    if own.nanos > _MOST_NANOS:
        return _unbillable(claimed, "beyond_reason")
    event = claimed.model_copy(update=_own_facts(terms) | {"included": own.included, "price_nanos": own.nanos})
    disputes = [name for name in _COMPARED if getattr(event, name) != getattr(claimed, name)]
    if abs(call_time(claimed) - event_time(claimed.id)) > _CLOCKS_MAY_DIFFER:
        disputes.append("at_us")
    if any(lease not in known.lent for lease, _ in claimed.spends):
        disputes.append("lease_unknown")
    return Appraised(event, claimed, disputes=tuple(disputes))


def own_charge(event: UsageEvent, plan: Plan, included_spent: int) -> Charge:
    """What the call costs under `plan`. A call that is not owed costs nothing; no more is covered than was borrowed."""
    if not is_owed(event.status):
        return Charge(0, 0)
    unit: dict[str | None, QuotaUnit] = {"requests": "requests", "tokens": "tokens"}
    return charge(
        per_call_nanos=plan.per_call_nanos,
        per_1k_input_nanos=plan.per_1k_input_nanos,
        per_1k_output_nanos=plan.per_1k_output_nanos,
        included_unit=unit.get(plan.included_unit),
        included=min(event.included, included_spent),
        tokens_in=event.tokens_in,
        tokens_out=event.tokens_out,
    )


_COMPARED = ("consumer_id", "vendor_id", "service_id", "plan_id", "currency", "included", "price_nanos")


def _own_facts(terms: Terms) -> dict[str, str]:
    subscription = terms.subscription
    return {
        "consumer_id": subscription.consumer_id,
        "vendor_id": subscription.vendor_id,
        "service_id": subscription.service_id,
        "plan_id": subscription.plan_id,
        "currency": terms.plan.currency,
    }


def _included_spent(event: UsageEvent, known: Known) -> int:
    scope = included_scope(event.subscription_id)
    return sum(units for lease, units in event.spends if lease in known.lent and known.lent[lease].scope == scope)


def _unbillable(claimed: UsageEvent, reason: str) -> Appraised:
    event = claimed.model_copy(update={"price_nanos": 0, "included": 0})
    return Appraised(event, claimed, billable=False, disputes=(reason,))
