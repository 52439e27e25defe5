"""Ports: what publishing needs from engines that it does not own. Adapters implement them in `mercato.adapters`.

Only ports with a use are here. A governance board, which would approve outside of Mercato, has none yet: approvals are
publishing's own tables. A room of its own reports releases to a model registry outside (`mercato.registry`).
"""

from dataclasses import dataclass
from typing import Literal, Protocol

Outcome = Literal["approve_automatically", "needs_person", "forbid"]


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
    """A rule that contributed to the decision: its id, and the reason that people read."""

    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class PolicyDecision:
    """What becomes of the release, why, and how many people must approve it (0 if none is asked)."""

    outcome: Outcome
    reasons: list[Reason]
    approvers: Literal[0, 1, 2]


class PolicyEngine(Protocol):
    """Decides about releases."""

    async def decide(self, vendor: str, release: str, facts: ReleaseFacts) -> PolicyDecision:
        """What becomes of `release` (`vendor/service@version`). The same facts always get the same decision."""
        ...


class BrokenPolicy(ValueError):
    """The rules cannot be used; the text says where."""
