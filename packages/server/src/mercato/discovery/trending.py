"""What rises: callers of late against callers before, older days counting less and less.

Organisations are counted, not calls: a single caller cannot lift a service, however often it calls.
"""

from collections.abc import Mapping
from datetime import date
from math import sqrt

DAYS = 30
_FAST_DAYS = 3.0
_SLOW_DAYS = 14.0
"""After so many days a caller counts half, in the present and in what it is compared with."""


def trend_of(consumers: Mapping[date, int], today: date) -> int:
    """How far the present lies above the past, in thousandths of the spread that chance alone gives a count; 0 where
    it lies below. `consumers` are the organisations that called on each day."""
    fast, slow = _mean(consumers, today, _FAST_DAYS), _mean(consumers, today, _SLOW_DAYS)
    return max(0, round(1_000 * (fast - slow) / sqrt(slow + 1)))


def _mean(consumers: Mapping[date, int], today: date, half_life: float) -> float:
    weights: list[float] = [0.5 ** (age / half_life) for age in range(DAYS)]
    sums: float = sum(
        weights[age] * count for day, count in consumers.items() if 0 <= (age := (today - day).days) < DAYS
    )
    return sums / sum(weights)
