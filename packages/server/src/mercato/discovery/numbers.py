"""The numbers of a listing that a search filters and sorts by.

All are integers of at least 0. A listing without a number fits no range of it, and stands last in its order, whichever
way that runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mercato.discovery.refusals import RangeUpsideDown

NumberName = Literal[
    "price_per_call", "price_per_1k_tokens", "price_per_month", "context_window", "p95_ms", "availability_bp",
    "rating", "calls", "consumers", "released",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Number:
    """How people ask for a number: `low_first` where less is better, and the `steps` that are counted in a facet.

    `steps` are upper bounds where less is better, lower bounds otherwise.
    """

    low_first: bool
    steps: tuple[int, ...] = ()
    of_currency: bool = False


NUMBERS: Mapping[NumberName, Number] = {
    # Nano-units of the chosen currency.
    "price_per_call": Number(True, (0, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000), True),
    "price_per_1k_tokens": Number(True, (0, 100_000, 500_000, 1_000_000, 5_000_000, 15_000_000), True),
    "price_per_month": Number(True, tuple(units * 1_000_000_000 for units in (0, 10, 50, 200, 1_000)), True),
    "context_window": Number(False, (8_000, 32_000, 128_000, 200_000, 1_000_000)),
    "p95_ms": Number(True, (50, 100, 250, 500, 1_000, 5_000)),
    "availability_bp": Number(False, (9_000, 9_900, 9_950, 9_990, 9_999)),
    # Hundredths of a star, calls and calling organisations of thirty days, seconds since 1970.
    "rating": Number(False, (200, 300, 400, 450)),
    "calls": Number(False, (1, 1_000, 100_000, 10_000_000)),
    "consumers": Number(False, (1, 10, 100, 1_000)),
    "released": Number(False),
}


@dataclass(frozen=True, slots=True)
class Range:
    """Both bounds belong to it; `None` is no bound."""

    least: int | None = None
    most: int | None = None

    def holds(self, value: int | None) -> bool:
        """Whether the value lies within; one that is not known never does."""
        return value is not None and (self.least or 0) <= value and (self.most is None or value <= self.most)


@dataclass(frozen=True, slots=True)
class Sort:
    """An order other than that of the best answers. Equal numbers stand in the order of their listings' keys."""

    by: NumberName
    descending: bool


def make_range(name: NumberName, least: int | None, most: int | None) -> Range | None:
    """The range between these bounds; `None` where neither is given. Raises `RangeUpsideDown`."""
    if least is None and most is None:
        return None
    if least is not None and most is not None and least > most:
        raise RangeUpsideDown(name, least, most)
    return Range(least, most)


def make_sort(name: NumberName, order: Literal["asc", "desc"] | None) -> Sort:
    """The order by this number, the better end first where none is named."""
    return Sort(name, order == "desc" if order else not NUMBERS[name].low_first)
