"""`mercato.publishing.PolicyEngine` by Cedar: rules that the operator can read and change, run in process.

The rules are `policy.cedar` beside this file, unless the operator gives others; `policy.cedarschema` has the facts that
they may look at.
"""

import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any

import cedarpy

from mercato.publishing import BrokenPolicy, PolicyDecision, Reason, ReleaseFacts

_ACTIONS = ("publish", "approve_automatically", "approve_alone")
_NO_RULE = Reason("no-rule", "No rule allows it.")


class CedarPolicy:
    """A `PolicyEngine` in process. `rules` is Cedar text; None stands for the rules that come with Mercato.

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
        self._no_entities = cedarpy.Entities.from_json_str("[]")

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

    def _ask(self, action: str, vendor: str, release: str, facts: ReleaseFacts) -> "_Answer":
        request = {
            "principal": {"type": "Vendor", "id": vendor},
            "action": {"type": "Action", "id": action},
            "resource": {"type": "Release", "id": release},
            "context": asdict(facts) | {"codes": sorted(facts.codes)},
        }
        result = cedarpy.is_authorized(request, self._rules, self._no_entities, self._schema)
        reasons = [self._reasons[rule] for rule in result.diagnostics.reasons]
        # Cedar skips a rule that fails, and a `forbid` that failed must not count as permission.
        allowed = bool(result.allowed) and not result.diagnostics.errors
        return _Answer(allowed, sorted(reasons, key=lambda reason: reason.rule))


@dataclass(frozen=True, slots=True)
class _Answer:
    allowed: bool
    reasons: list[Reason]


def _read(name: str) -> str:
    return (files("mercato.adapters.policy_cedar") / name).read_text(encoding="utf-8")


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
