"""What a comparison of two documents finds: changes, each breaking or not, gathered within a budget."""

from dataclasses import dataclass, field
from typing import Literal

from mercato_checks.findings import pointer, shorten

Direction = Literal["request", "response"]
Weight = Literal["breaking", "addition", "other"]
MOST_STEPS = 400_000
_MOST_CHANGES = 2_000


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `rule` is stable (`request.property.required`); `where` points into the new or the old document.

    `breaking`: a caller written for the old document may fail. `addition`: something new that callers may use.
    """

    rule: str
    where: str
    weight: Weight
    message: str


class BudgetSpent(Exception):
    """The comparison took more steps than allowed."""


@dataclass(slots=True)
class Report:
    """Gathers changes. `trial` reports only count, to see whether two schemas fit."""

    changes: list[Change] = field(default_factory=list)
    steps: list[int] = field(default_factory=lambda: [0])

    def step(self) -> None:
        """Count one step. Raises `BudgetSpent`."""
        self.steps[0] += 1
        if self.steps[0] > MOST_STEPS or len(self.changes) > _MOST_CHANGES:
            raise BudgetSpent

    def breaking(self, rule: str, path: tuple[str | int, ...], message: str) -> None:
        self.changes.append(Change(rule, pointer(*path), "breaking", shorten(message, 300)))

    def addition(self, rule: str, path: tuple[str | int, ...], message: str) -> None:
        self.changes.append(Change(rule, pointer(*path), "addition", shorten(message, 300)))

    def other(self, rule: str, path: tuple[str | int, ...], message: str) -> None:
        self.changes.append(Change(rule, pointer(*path), "other", shorten(message, 300)))

    def trial(self) -> "Report":
        """A report on the same budget whose changes are thrown away."""
        return Report(steps=self.steps)

    @property
    def breaks(self) -> bool:
        return any(change.weight == "breaking" for change in self.changes)
