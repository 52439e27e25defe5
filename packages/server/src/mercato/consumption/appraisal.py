"""Checks usage events against the control plane's own figures.

Where they differ, its figures count, and the claim is kept. The ledger, counters, rollups and quotas all use the
figures made here: tokens, included units and price of `Appraised.event`, and the units of each lease in
`Appraised.spends`. None exceeds what the event's leases lent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from mercato.consumption.limits import included_scope
from mercato.consumption.spending import Spending
from mercato.metering import Appraised, Lent, call_time, event_time
from mercato.publishing import Plan
from mercato.subscriptions import Terms
from mercato_contracts.dataplane import UsageEvent
from mercato_contracts.pricing import Charge, QuotaUnit, affordable, charge, is_owed

# Beyond any call that was ever made: a figure above is a fault, not a bill.
_MOST_TOKENS = 10**12
_MOST_NANOS = 10**15
_LARGEST = 9 * 10**18
_CLOCKS_MAY_DIFFER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Known:
    """What the control plane knows about the subscriptions, keys and leases that events name."""

    terms: Mapping[str, Terms]
    key_owners: Mapping[str, str]
    lent: Mapping[str, Lent]


def appraise(events: Sequence[UsageEvent], known: Known) -> list[Appraised]:
    """The events with the control plane's own ids and figures, in their order.

    The subscription decides who pays whom for what. If it is unknown, if the key belongs to somebody else, or if a
    figure is implausible, nobody is charged and nothing is counted; `disputes` shows it.
    """
    left = {lease: lent.left for lease, lent in known.lent.items()}
    return [_appraise(event, known, left) for event in events]


def _appraise(claimed: UsageEvent, known: Known, left: dict[str, int]) -> Appraised:
    """One event; what it spends is taken from `left`, the units that each lease has."""
    terms = known.terms.get(claimed.subscription_id)
    if terms is None:
        return _unbillable(claimed, "subscription_unknown")
    if known.key_owners.get(claimed.key_id) != terms.subscription.consumer_id:
        return _unbillable(claimed, "key_of_another")
    if max(claimed.tokens_in, claimed.tokens_out) > _MOST_TOKENS:
        return _unbillable(claimed, "beyond_reason")
    spending = Spending(claimed.spends, known.lent, left)
    included = min(claimed.included, spending.claimed(included_scope(claimed.subscription_id)))
    if own_charge(claimed, terms.plan, included).nanos > _MOST_NANOS:
        return _unbillable(claimed, "beyond_reason")
    paid = _paid(claimed, terms.plan, included, spending)
    if paid is None:
        return _unbillable(claimed, "beyond_lease")
    own = own_charge(paid, terms.plan, included)
    event = paid.model_copy(
        update=_own_facts(terms) | _unpaid(paid, terms.plan, own) | {"included": own.included, "price_nanos": own.nanos}
    )
    return Appraised(
        event,
        claimed,
        disputes=_disputes(event, claimed, known),
        spends=spending.spend(event),
        claimed_nanos=_claimed_nanos(claimed, terms.plan),
    )


def own_charge(event: UsageEvent, plan: Plan, included: int) -> Charge:
    """What the call costs under `plan`, of which up to `included` units are covered. One that is not owed is free."""
    if not is_owed(event.status):
        return Charge(0, 0)
    return charge(
        per_call_nanos=plan.per_call_nanos,
        per_1k_input_nanos=plan.per_1k_input_nanos,
        per_1k_output_nanos=plan.per_1k_output_nanos,
        included_unit=_UNITS.get(plan.included_unit),
        included=included,
        tokens_in=event.tokens_in,
        tokens_out=event.tokens_out,
    )


_COMPARED = ("consumer_id", "vendor_id", "service_id", "plan_id", "currency", "included", "price_nanos")
_UNITS: dict[str | None, QuotaUnit] = {"requests": "requests", "tokens": "tokens"}


def _paid(claimed: UsageEvent, plan: Plan, included: int, spending: Spending) -> UsageEvent | None:
    """The event with no more tokens than its leases have units for; `None` where they do not pay for the call itself.

    A limit that the event does not spend from was not in force when the call began. A call that is not owed has none.
    """
    if not is_owed(claimed.status):
        return claimed.model_copy(update=_NO_TOKENS)
    paid = affordable(
        per_call_nanos=plan.per_call_nanos,
        per_1k_input_nanos=plan.per_1k_input_nanos,
        per_1k_output_nanos=plan.per_1k_output_nanos,
        included_unit=_UNITS.get(plan.included_unit),
        included=included,
        tokens_in=claimed.tokens_in,
        tokens_out=claimed.tokens_out,
        most_nanos=spending.room("nanos"),
        most_tokens=spending.room("tokens"),
    )
    if paid is None or paid == (claimed.tokens_in, claimed.tokens_out):
        return claimed if paid is not None else None
    return claimed.model_copy(
        update={
            "tokens_in": paid[0],
            "tokens_out": paid[1],
            "tokens_cached": min(claimed.tokens_cached, paid[0]),
            "unpaid_tokens_in": claimed.unpaid_tokens_in + claimed.tokens_in - paid[0],
            "unpaid_tokens_out": claimed.unpaid_tokens_out + claimed.tokens_out - paid[1],
        }
    )


def _unpaid(event: UsageEvent, plan: Plan, own: Charge) -> dict[str, int]:
    """What the tokens beyond those that are charged would have cost."""
    if not (event.unpaid_tokens_in or event.unpaid_tokens_out):
        return {"unpaid_nanos": 0}
    into, out = event.tokens_in + event.unpaid_tokens_in, event.tokens_out + event.unpaid_tokens_out
    used = event.model_copy(update={"tokens_in": into, "tokens_out": out})
    return {"unpaid_nanos": min(own_charge(used, plan, own.included).nanos - own.nanos, _LARGEST)}


def _claimed_nanos(claimed: UsageEvent, plan: Plan) -> int | None:
    """What the service's own counts would have cost, where they cannot be true."""
    if claimed.claimed_tokens_in is None or claimed.claimed_tokens_out is None:
        return None
    tokens = {"tokens_in": claimed.claimed_tokens_in, "tokens_out": claimed.claimed_tokens_out}
    return min(own_charge(claimed.model_copy(update=tokens), plan, 0).nanos, _LARGEST)


def _disputes(event: UsageEvent, claimed: UsageEvent, known: Known) -> tuple[str, ...]:
    disputes = [name for name in _COMPARED if getattr(event, name) != getattr(claimed, name)]
    if abs(call_time(claimed) - event_time(claimed.id)) > _CLOCKS_MAY_DIFFER:
        disputes.append("at_us")
    if any(lease not in known.lent for lease, _ in claimed.spends):
        disputes.append("lease_unknown")
    if (event.tokens_in, event.tokens_out) != (claimed.tokens_in, claimed.tokens_out):
        disputes.append("beyond_lease" if is_owed(claimed.status) else "not_owed")
    if claimed.doubt is not None:
        disputes.append(claimed.doubt)
    return tuple(disputes)


def _own_facts(terms: Terms) -> dict[str, str]:
    subscription = terms.subscription
    return {
        "consumer_id": subscription.consumer_id,
        "vendor_id": subscription.vendor_id,
        "service_id": subscription.service_id,
        "plan_id": subscription.plan_id,
        "currency": terms.plan.currency,
    }


_NO_TOKENS = dict.fromkeys(("tokens_in", "tokens_out", "tokens_cached", "unpaid_tokens_in", "unpaid_tokens_out"), 0)
_NOTHING = dict.fromkeys(
    ("tokens_in", "tokens_out", "tokens_cached", "included", "price_nanos", "unpaid_tokens_in", "unpaid_tokens_out",
     "unpaid_nanos"), 0,
)  # fmt: skip


def _unbillable(claimed: UsageEvent, reason: str) -> Appraised:
    """The event stays as a row and as a dispute with all that was claimed, and counts nowhere."""
    return Appraised(claimed.model_copy(update=_NOTHING), claimed, billable=False, disputes=(reason,))
