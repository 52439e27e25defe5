"""Eras to judge a model on: it learns from the past only, with a gap that no label reaches across."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Era:
    """One calendar year to judge on, `[first, until)`, and the days to learn from, `[0, train_until)`."""

    year: int
    train_until: int
    first: int
    until: int


def eras(years: NDArray[np.int64], *, first_year: int, purge: int) -> Iterator[Era]:
    """One era a year from `first_year`; `years` holds the calendar year of each day, ascending.

    The label of day t looks at the days up to t + purge, so the last `purge` days before an era are not learned from.
    """
    for year in range(first_year, int(years[-1]) + 1):
        days = np.flatnonzero(years == year)
        yield Era(year, int(days[0]) - purge, int(days[0]), int(days[-1]) + 1)


def forward_returns(closes: Floats, *, horizon: int, lag: int) -> Floats:
    """Log return from the close of day t + lag to that of day t + lag + horizon, `(days, names)`; NaN at the end.

    The lag is there because nobody can trade at the very close that a signal was computed from.
    """
    logs = np.log(closes)
    out = np.full_like(logs, np.nan)
    out[: len(logs) - horizon - lag] = logs[lag + horizon :] - logs[lag : len(logs) - horizon]
    return out


def cross_sectional_ranks(values: Floats) -> Floats:
    """Ranks of the names within each day, spread evenly over [-1, 1]: -1 the lowest, 1 the highest."""
    order = values.argsort(axis=-1, kind="stable").argsort(axis=-1, kind="stable")
    ranks: Floats = order / (values.shape[-1] - 1) * 2 - 1
    return ranks


def information_coefficients(scores: Floats, returns: Floats) -> Floats:
    """Spearman's rank correlation of each day's scores with what came, one number a day."""
    left, right = cross_sectional_ranks(scores), cross_sectional_ranks(returns)
    correlations: Floats = (left * right).sum(axis=-1) / (left * left).sum(axis=-1)
    return correlations
