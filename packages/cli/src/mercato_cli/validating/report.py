"""What was found, phase by phase, as the pipeline numbers them."""

from dataclasses import asdict, dataclass, field
from typing import Any

from mercato_checks.findings import Finding, has_errors


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase. `facts` are figures and names that a person may read; an empty `skipped` means that it ran."""

    number: int
    name: str
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    skipped: str = ""

    @property
    def outcome(self) -> str:
        """`failed` with any error, `warned` with any warning, `skipped` or `passed`."""
        if has_errors(self.findings):
            return "failed"
        if any(finding.level == "warning" for finding in self.findings):
            return "warned"
        return "skipped" if self.skipped else "passed"


@dataclass(slots=True)
class Report:
    """All phases that were reached."""

    phases: list[Phase] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """Whether nothing stops the release."""
        return all(phase.outcome != "failed" for phase in self.phases)

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        phases = [asdict(phase) | {"outcome": phase.outcome} for phase in self.phases]
        return {"accepted": self.accepted, "phases": phases}
