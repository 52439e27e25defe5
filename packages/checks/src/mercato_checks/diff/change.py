"""What a comparison of two documents finds: changes, each with its weight, gathered within a budget."""

from dataclasses import dataclass, field
from typing import Literal

from mercato_checks.findings import pointer, shorten

Direction = Literal["request", "response"]
Weight = Literal["breaking", "unclear", "addition", "other"]
MOST_STEPS = 1_000_000
_MOST_CHANGES = 2_000
_MOST_PLACE_STEPS = 200


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `rule` is stable (`request.property.required`); `where` points into the new or the old document.

    `breaking`: a caller written for the old document may fail. `unclear`: the comparison cannot judge this difference,
    so it counts as breaking. `addition`: something new that callers may use. `other`: nothing that concerns callers.
    """

    rule: str
    where: str
    weight: Weight
    message: str


class BudgetSpent(Exception):
    """The comparison took more steps than allowed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a document the comparison is. A linked list: a chain of references may be hundreds of steps deep."""

    step: str | int = ""
    above: "Place | None" = None

    def at(self, *steps: str | int) -> "Place":
        """The place below this one."""
        place = self
        for step in steps:
            place = Place(step, place)
        return place

    @property
    def pointer(self) -> str:
        """As a JSON pointer; of a place deeper than 200 steps, those nearest to it."""
        steps: list[str | int] = []
        place: Place | None = self
        while place is not None and place.above is not None and len(steps) < _MOST_PLACE_STEPS:
            steps.append(place.step)
            place = place.above
        return pointer(*reversed(steps))


@dataclass(slots=True)
class Report:
    """Collects changes. The changes of a `trial` are discarded; its steps count."""

    changes: list[Change] = field(default_factory=list)
    steps: list[int] = field(default_factory=lambda: [0])

    def step(self, count: int = 1) -> None:
        """Count steps. Raises `BudgetSpent`."""
        self.steps[0] += count
        if self.steps[0] > MOST_STEPS or len(self.changes) > _MOST_CHANGES:
            raise BudgetSpent

    def breaking(self, rule: str, place: Place, message: str) -> None:
        self._add(rule, place, "breaking", message)

    def unclear(self, rule: str, place: Place, message: str) -> None:
        self._add(rule, place, "unclear", message)

    def addition(self, rule: str, place: Place, message: str) -> None:
        self._add(rule, place, "addition", message)

    def other(self, rule: str, place: Place, message: str) -> None:
        self._add(rule, place, "other", message)

    def _add(self, rule: str, place: Place, weight: Weight, message: str) -> None:
        self.changes.append(Change(rule, place.pointer, weight, shorten(message, 300)))

    def trial(self) -> "Report":
        """A report on the same budget whose changes are discarded."""
        return Report(steps=self.steps)

    @property
    def breaks(self) -> bool:
        return any(change.weight in ("breaking", "unclear") for change in self.changes)
