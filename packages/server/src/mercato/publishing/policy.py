"""Phase 8: what becomes of a release, by rules that the operator can read and change.

The rules are Cedar (`policy.cedar` beside this file, unless the operator gives others) and run in process.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any, Literal, Protocol

import cedarpy

from mercato_checks.findings import Finding
from mercato_contracts.manifest import ServiceManifest

Outcome = Literal["approve_automatically", "needs_person", "forbid"]
_ACTIONS = ("publish", "approve_automatically", "approve_alone")


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """All that a rule may look at. Prices are the highest of any plan, in nano-units; `p95_ms` 0 when not measured."""

    vendor_verified: bool
    vendor_suspended: bool
    earlier_releases: int
    protocol: str
    task: str
    licence: str
    paths: str
    errors: int
    warnings: int
    codes: frozenset[str]
    breaking: bool
    monthly_nanos: int
    per_call_nanos: int
    per_1k_tokens_nanos: int
    p95_ms: int


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that spoke: its `@id` and its `@reason`."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """What becomes of the release, why, and how many people must agree (0 where none is asked)."""

    outcome: Outcome
    reasons: list[Reason]
    approvers: Literal[0, 1, 2]


class PolicyEngine(Protocol):
    """Decides about releases."""

    async def decide(self, vendor: str, release: str, facts: ReleaseFacts) -> PolicyDecision:
        """What becomes of `release` (`vendor/service@version`). The same facts always get the same answer."""
        ...


class BrokenPolicy(ValueError):
    """The rules cannot be used: the text says where."""


def gather_facts(
    manifest: ServiceManifest,
    findings: Iterable[Finding],
    *,
    vendor_verified: bool,
    vendor_suspended: bool,
    earlier_releases: int,
    breaking: bool,
    p95_us: int | None,
) -> ReleaseFacts:
    """The facts of one submission, from its manifest and the findings of all phases."""
    listed = list(findings)
    prices = [plan.price for plan in manifest.plans]
    return ReleaseFacts(
        vendor_verified=vendor_verified,
        vendor_suspended=vendor_suspended,
        earlier_releases=earlier_releases,
        protocol=manifest.protocol,
        task=manifest.task,
        licence=manifest.licence,
        paths=manifest.paths,
        errors=sum(finding.level == "error" for finding in listed),
        warnings=sum(finding.level == "warning" for finding in listed),
        codes=frozenset(finding.code for finding in listed),
        breaking=breaking,
        monthly_nanos=max(price.nanos("monthly") for price in prices),
        per_call_nanos=max(price.nanos("per_call") for price in prices),
        per_1k_tokens_nanos=max(
            max(price.nanos("per_1k_input_tokens"), price.nanos("per_1k_output_tokens")) for price in prices
        ),
        p95_ms=(p95_us or 0) // 1000,
    )


class CedarPolicy:
    """A `PolicyEngine` in process. `rules` is Cedar text; the rules that come with Mercato where none is given.

    Raises `BrokenPolicy` for rules that do not parse, do not fit the facts, or lack `@id` or `@reason`.
    """

    def __init__(self, rules: str | None = None) -> None:
        text = _read("policy.cedar") if rules is None else rules
        schema = _read("policy.cedarschema")
        try:
            self._rules = cedarpy.PolicySet.from_str(text)
            self._schema = cedarpy.Schema.from_str(schema)
            self._reasons = _annotations(text)
            checked = cedarpy.validate_policies(text, schema)
        except ValueError as error:
            raise BrokenPolicy(str(error)) from None
        if not checked.validation_passed:
            raise BrokenPolicy("; ".join(str(error.error) for error in checked.errors))
        self._nobody = cedarpy.Entities.from_json_str("[]")

    async def decide(self, vendor: str, release: str, facts: ReleaseFacts) -> PolicyDecision:
        publish, automatically, alone = (self._ask(action, vendor, release, facts) for action in _ACTIONS)
        if not publish.allowed:
            return PolicyDecision("forbid", publish.reasons or [_NO_RULE], 0)
        if automatically.allowed:
            return PolicyDecision("approve_automatically", automatically.reasons, 0)
        reasons = automatically.reasons or [_NO_RULE]
        if alone.allowed:
            return PolicyDecision("needs_person", reasons, 1)
        return PolicyDecision("needs_person", reasons + alone.reasons, 2)

    def _ask(self, action: str, vendor: str, release: str, facts: ReleaseFacts) -> "_Voice":
        request = {
            "principal": {"type": "Vendor", "id": vendor},
            "action": {"type": "Action", "id": action},
            "resource": {"type": "Release", "id": release},
            "context": asdict(facts) | {"codes": sorted(facts.codes)},
        }
        result = cedarpy.is_authorized(request, self._rules, self._nobody, self._schema)
        reasons = [self._reasons[rule] for rule in result.diagnostics.reasons]
        # Cedar leaves out a rule that fails: a forbid that fell must not open the door.
        return _Voice(
            bool(result.allowed) and not result.diagnostics.errors, sorted(reasons, key=lambda each: each.rule)
        )


@dataclass(frozen=True, slots=True)
class _Voice:
    allowed: bool
    reasons: list[Reason]


_NO_RULE = Reason("no-rule", "No rule allows it.")


def _read(name: str) -> str:
    return (files("mercato.publishing") / name).read_text(encoding="utf-8")


def _annotations(rules: str) -> dict[str, Reason]:
    """Cedar's own names of the rules (`policy0` …) to what a person reads."""
    text = cedarpy.policies_to_json_str(rules)
    reasons: dict[str, Reason] = {}
    for name, rule in json.loads(text)["staticPolicies"].items():
        notes: dict[str, Any] = rule.get("annotations", {})
        if not notes.get("id") or not notes.get("reason"):
            raise BrokenPolicy(f"the rule {notes.get('id') or name} needs an @id and a @reason")
        reasons[name] = Reason(notes["id"], notes["reason"])
    names = [reason.rule for reason in reasons.values()]
    if len(set(names)) != len(names):
        raise BrokenPolicy("two rules have one @id")
    return reasons
