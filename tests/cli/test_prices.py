"""Prices in the words of `mp`."""

from mercato_cli.prices import lowest
from mercato_contracts.discovery import PriceView


def price(plan: str, *, monthly: int = 0, per_1k_input: int = 0) -> PriceView:
    return PriceView(
        plan=plan,
        currency="USD",
        monthly=monthly,
        per_call=0,
        per_1k_input_tokens=per_1k_input,
        per_1k_output_tokens=0,
    )


def test_the_plan_that_is_cheapest_to_begin_with_is_named_whichever_comes_first() -> None:
    team, payg = price("team", monthly=9 * 10**9, per_1k_input=10_000), price("payg", per_1k_input=20_000)
    assert lowest([team, payg]) == lowest([payg, team]) == "0.00002 USD per 1k input tokens (+1 plan)"
    assert lowest([team, price("free"), payg]) == "free (+2 plans)"
    assert lowest([]) == ""
