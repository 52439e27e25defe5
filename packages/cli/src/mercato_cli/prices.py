"""Amounts and plans in words."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mercato_contracts.discovery import PriceView
    from mercato_contracts.money import Currency
    from mercato_contracts.publishing import PlanView


def amount(nanos: int, currency: "Currency") -> str:
    """Exact, such as `0.0002 USD`."""
    from mercato_contracts.money import Money

    return str(Money(nanos, currency))


def price_of(plan: "PlanView") -> str:
    """What a plan costs, such as `0.0002 USD a call`."""
    return _words(
        plan.currency, plan.monthly_nanos, plan.per_call_nanos, plan.per_1k_input_nanos, plan.per_1k_output_nanos
    )


def cheapest_first(plans: "list[PlanView]") -> "list[PlanView]":
    """In the order in which somebody who does not know them yet reads them."""
    return sorted(
        plans,
        key=lambda plan: (
            plan.monthly_nanos,
            plan.per_call_nanos,
            plan.per_1k_input_nanos + plan.per_1k_output_nanos,
            plan.name,
        ),
    )


def lowest(prices: "list[PriceView]") -> str:
    """What the cheapest plan to begin with costs, and how many others there are."""
    if not prices:
        return ""
    first = min(prices, key=lambda price: price.to_begin_with())
    words = _words(first.currency, first.monthly, first.per_call, first.per_1k_input_tokens, first.per_1k_output_tokens)
    others = len(prices) - 1
    return words + (f" (+{others} plan{'s' if others > 1 else ''})" if others else "")


def included_in(plan: "PlanView") -> str:
    """What a month covers."""
    if plan.included_unit is None:
        return ""
    return f"{plan.included} {plan.included_unit} a month" + ("" if plan.overage else ", then calls are refused")


def _words(currency: "Currency", monthly: int, per_call: int, per_1k_input: int, per_1k_output: int) -> str:
    parts = [
        (monthly, "a month"),
        (per_call, "a call"),
        (per_1k_input, "per 1k input tokens"),
        (per_1k_output, "per 1k output tokens"),
    ]
    return " + ".join(f"{amount(nanos, currency)} {unit}" for nanos, unit in parts if nanos) or "free"
