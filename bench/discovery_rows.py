"""What a bench writes down."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; `bar` is what it has to reach, `spread` the least and most that were seen."""

    metric: str
    value: float
    unit: str
    better: Literal["lower", "higher"] = "lower"
    bar: float | None = None
    spread: tuple[float, float] | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bar is reached; `None` without one."""
        if self.bar is None:
            return None
        return self.value <= self.bar if self.better == "lower" else self.value >= self.bar

    def to_facts(self) -> dict[str, Any]:
        """The row as it stands in the results' file."""
        low, high = self.spread or (self.value, self.value)
        return {
            "metric": self.metric,
            "value": round(self.value, 4),
            "unit": self.unit,
            "better": self.better,
            "bar": self.bar,
            "met": self.met,
            "spread": [round(low, 4), round(high, 4)],
        }
