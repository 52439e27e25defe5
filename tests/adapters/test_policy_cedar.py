"""What becomes of a release is decided by rules, with reasons."""

from dataclasses import replace
from typing import Any

import pytest

from mercato.adapters.policy_cedar import CedarPolicy
from mercato.publishing import BrokenPolicy, PolicyDecision, ReleaseFacts

GOOD = ReleaseFacts(
    vendor_verified=True,
    vendor_suspended=False,
    earlier_releases=3,
    protocol="openai",
    task="embeddings",
    licence="MIT",
    paths="published",
    errors=0,
    warnings=0,
    codes=frozenset(),
    breaking=False,
    monthly_nanos=0,
    per_call_nanos=0,
    per_1k_tokens_nanos=0,
    p95_ms=20,
)
BILLION = 1_000_000_000


async def decide(**changes: Any) -> PolicyDecision:
    return await CedarPolicy().decide("acme", "acme/embedder@1.2.0", replace(GOOD, **changes))


async def test_approves_a_verified_vendors_release_by_itself() -> None:
    decision = await decide()
    assert (decision.outcome, decision.approvers) == ("approve_automatically", 0)
    assert [reason.rule for reason in decision.reasons] == ["verified-vendor"]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"vendor_verified": False}, "unverified-vendor"),
        ({"monthly_nanos": 500 * BILLION + 1}, "price-ceiling"),
        ({"per_call_nanos": BILLION + 1}, "price-ceiling"),
        ({"per_1k_tokens_nanos": BILLION // 10 + 1}, "price-ceiling"),
        ({"warnings": 26}, "warnings"),
        ({"codes": frozenset({"secret_suspected"})}, "suspected-secret"),
        ({"codes": frozenset({"manifest_endpoint_plain"})}, "plain-http"),
        ({"paths": "any"}, "any-path"),
        ({"breaking": True}, "breaking-change"),
        ({"codes": frozenset({"diff_incomplete"})}, "incomplete-comparison"),
        ({"codes": frozenset({"change_not_understood"})}, "incomplete-comparison"),
        ({"codes": frozenset({"openapi_server_base_differs"})}, "other-address"),
        ({"codes": frozenset({"openapi_operation_ignored"})}, "other-address"),
        ({"codes": frozenset({"probe_task_untested"})}, "untested-task"),
        ({"codes": frozenset({"measure_slow"})}, "slow"),
    ],
)
async def test_asks_one_person_and_says_why(changes: dict[str, Any], rule: str) -> None:
    decision = await decide(**changes)
    assert (decision.outcome, decision.approvers) == ("needs_person", 1)
    assert [reason.rule for reason in decision.reasons] == [rule]
    assert all(reason.text for reason in decision.reasons)


async def test_asks_two_persons_for_a_very_dear_plan() -> None:
    decision = await decide(monthly_nanos=5000 * BILLION + 1)
    assert (decision.outcome, decision.approvers) == ("needs_person", 2)
    assert [reason.rule for reason in decision.reasons] == ["price-ceiling", "two-persons-price"]


@pytest.mark.parametrize(("changes", "rule"), [({"errors": 1}, "errors"), ({"vendor_suspended": True}, "suspended")])
async def test_forbids_whatever_else_speaks_for_it(changes: dict[str, Any], rule: str) -> None:
    decision = await decide(**changes)
    assert (decision.outcome, decision.approvers) == ("forbid", 0)
    assert [reason.rule for reason in decision.reasons] == [rule]


async def test_takes_names_that_cedar_would_have_to_quote() -> None:
    decision = await CedarPolicy().decide('a"\nb', "x\\", GOOD)
    assert decision.outcome == "approve_automatically"


async def test_without_any_rule_everything_is_forbidden() -> None:
    decision = await CedarPolicy("").decide("acme", "r", GOOD)
    assert (decision.outcome, decision.reasons[0].rule) == ("forbid", "no-rule")


async def test_a_rule_that_fails_opens_no_door() -> None:
    rules = """
    @id("p") @reason("yes") permit (principal, action, resource);
    @id("f") @reason("too many") forbid (principal, action, resource)
    when { context.errors + 9223372036854775807 > 5 };
    """
    decision = await CedarPolicy(rules).decide("acme", "r", replace(GOOD, errors=1))
    assert decision.outcome == "forbid"


@pytest.mark.parametrize(
    "rules",
    [
        "permit (principal",
        "permit (principal, action, resource);",
        '@id("a") permit (principal, action, resource);',
        '@id("a") @reason("b") permit (principal, action, resource) when { context.no_such_fact };',
        '@id("a") @reason("b") permit (principal, action, resource) when { context.errors };',
        '@id("a") @reason("b") permit (principal, action == Action::"other", resource);',
        '@id("a") @reason("b") permit (principal, action, resource);' * 2,
    ],
)
def test_refuses_rules_that_cannot_be_used(rules: str) -> None:
    with pytest.raises(BrokenPolicy):
        CedarPolicy(rules)
