"""Is an hour unusual? It is compared with the same weekday's hour of the six weeks before.

The middle is the median and the width the median of the distances from it (MAD), because a mean follows the very spikes
that it is to find. The hour that is judged is not among those that it is compared with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

WEEKS = 6
LEAST_WEEKS = 3
"""A scope that is younger is not judged: everything about it is new."""
FLOORS = {"calls": 50, "failed": 20, "tokens": 20_000}
"""What is judged, and the distance below which nobody wants to hear of it."""

_MAD_TO_SIGMA = 1.4826
_LEAST_WIDTH = 0.15
"""Of the middle: usage that was the same for weeks still moves a little."""
_WIDTHS = 5.0
_SILENT = 0.1

Kind = Literal["more", "less"]


@dataclass(frozen=True, slots=True)
class Unusual:
    """An hour that is unusual: `usual` is the middle of `weeks` weeks, `score` its distance in widths."""

    kind: Kind
    value: int
    usual: int
    score: float
    weeks: int


def judge_hour(metric: str, value: int, before: Sequence[int]) -> Unusual | None:
    """`before` are the same hours of the weeks before, of which there are as many as the scope is old."""
    if len(before) < LEAST_WEEKS:
        return None
    middle = median(before)
    distance = value - middle
    if abs(distance) < FLOORS[metric]:
        return None
    mad = median(abs(one - middle) for one in before)
    # Counts scatter by their root even where nothing changes.
    width = max(_MAD_TO_SIGMA * mad, _LEAST_WIDTH * middle, middle**0.5, 1.0)
    score = abs(distance) / width
    if score < _WIDTHS and not (value <= _SILENT * middle and score >= _WIDTHS / 2):
        return None
    # What an earlier week had as well is a habit, however seldom.
    if (distance > 0 and max(before) * 1.1 >= value) or (distance < 0 and min(before) * 0.9 <= value):
        return None
    return Unusual("more" if distance > 0 else "less", value, round(middle), score, len(before))


def judge(metric: str, hours: Sequence[tuple[int, Sequence[int]]]) -> Unusual | None:
    """The newest of these hours, where every one of them is unusual in the same direction. One hour is no pattern."""
    found = [judge_hour(metric, value, before) for value, before in hours]
    newest = found[-1]
    if newest is None or any(one is None or one.kind != newest.kind for one in found):
        return None
    return newest


def sentence(metric: str, unusual: Unusual, hour: str) -> str:
    """Why, in words that a person can check."""
    what = {"calls": "calls", "failed": "failed calls", "tokens": "tokens"}[metric]
    times = f"{unusual.value / unusual.usual:.1f} times" if unusual.usual else "where there were none"
    return (
        f"{unusual.value:,} {what} in the hour from {hour} UTC, and an unusual hour before it; the same hour of the"
        f" last {unusual.weeks} weeks had {unusual.usual:,} ({times}, {unusual.score:.1f} times the usual scatter)."
    )
