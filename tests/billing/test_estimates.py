"""Estimates over HTTP: what each plan would charge, of a workload or of one's own last month."""

from datetime import timedelta

import httpx
import pytest

from mercato.billing import Workload
from mercato.billing.estimates import estimate
from mercato.publishing import Plan
from tests.metering.test_usage_api import sign_in
from tests.support.market import Market


def plan(**terms: object) -> Plan:
    values: dict[str, object] = {
        "id": "pln_1", "name": "one", "currency": "USD", "monthly_nanos": 0, "per_call_nanos": 0,
        "per_1k_input_nanos": 0, "per_1k_output_nanos": 0, "included_unit": None, "included": 0, "overage": True,
    }  # fmt: skip
    return Plan(**(values | terms))


@pytest.mark.parametrize(
    ("terms", "nanos", "included", "refused"),
    [
        ({"per_call_nanos": 7}, 700, 0, 0),
        ({"monthly_nanos": 50, "per_call_nanos": 7, "included_unit": "requests", "included": 30}, 540, 30, 0),
        ({"per_call_nanos": 7, "included_unit": "requests", "included": 30, "overage": False}, 0, 30, 70),
        ({"per_1k_input_nanos": 10, "per_1k_output_nanos": 30}, 350, 0, 0),
        ({"per_1k_input_nanos": 10, "per_1k_output_nanos": 30, "included_unit": "tokens", "included": 21_000},
         120, 21_000, 0),
        ({"per_1k_input_nanos": 10, "included_unit": "tokens", "included": 21_000, "overage": False}, 0, 21_000, 4_000),
    ],
)  # fmt: skip
def test_a_plan_prices_a_workload_as_it_prices_calls(
    terms: dict[str, object], nanos: int, included: int, refused: int
) -> None:
    found = estimate(plan(**terms), Workload(calls=100, tokens_in=20_000, tokens_out=5_000))
    assert (found.nanos, found.included_units, found.refused_units) == (nanos, included, refused)


async def test_a_consumer_compares_plans_with_a_workload_and_its_own_month(
    api: httpx.AsyncClient, market: Market
) -> None:
    vendor = await market.people.join("acme")
    service, first = await market.list_service(vendor)
    cheap = await market.add_plan(service, monthly_nanos=1_000_000, per_call_nanos=10)
    customer = await market.customer(service, first, "globex")
    last = market.clock.now() - timedelta(days=10)
    await market.take([market.event(customer, at=last) for _ in range(9)] + [market.event(customer)])
    headers, path = await sign_in(api, customer.caller), "/api/services/acme/embedder/estimate"
    asked = (await api.get(path, params={"calls": 100}, headers=headers)).json()
    assert [(item["plan"], item["nanos"]) for item in asked["items"]] == [
        (cheap.name, 1_001_000), (first.name, 100_000_000),
    ]  # fmt: skip
    own = (await api.get(path, headers=headers)).json()
    assert (own["calls"], own["tokens_in"], own["since"][:7]) == (9, 63, "2026-10")
    assert own["items"][-1]["nanos"] == 9_000_000
    stranger = await sign_in(api, await market.people.join("initech"))
    refused = await api.get(path, headers=stranger)
    assert (refused.status_code, refused.json()["code"]) == (422, "workload_empty")
    unknown = await api.get("/api/services/acme/none/estimate", params={"calls": 1}, headers=headers)
    assert unknown.status_code == 404
    assert (await api.get(path, params={"calls": -1}, headers=headers)).status_code == 422
