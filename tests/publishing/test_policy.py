"""The facts that rules decide by."""

import yaml

from mercato.publishing.policy import gather_facts
from mercato_checks.codes import found
from mercato_contracts.manifest import ServiceManifest
from tests.checks.conftest import MANIFEST

BILLION = 1_000_000_000


def test_gathers_the_highest_prices_and_all_codes() -> None:
    plans = [
        {"name": "free"},
        {"name": "a", "price": {"monthly": "9", "per_1k_input_tokens": "0.1"}},
        {"name": "b", "price": {"per_call": "0.5", "per_1k_output_tokens": "0.2"}},
    ]
    findings = [found("secret_found", "", "x"), found("measure_slow", "", "x"), found("measure_slow", "", "x")]
    facts = gather_facts(
        ServiceManifest.model_validate(yaml.safe_load(MANIFEST) | {"plans": plans}),
        findings,
        vendor_verified=True,
        vendor_suspended=False,
        earlier_releases=1,
        breaking=False,
        p95_us=12_345,
    )
    assert (facts.monthly_nanos, facts.per_call_nanos, facts.per_1k_tokens_nanos) == (
        9 * BILLION,
        BILLION // 2,
        BILLION // 5,
    )
    assert (facts.errors, facts.warnings, facts.p95_ms) == (1, 2, 12)
    assert facts.codes == {"secret_found", "measure_slow"}
