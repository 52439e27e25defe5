"""Charts that stand in a line of text or a table: a sparkline, and a strip of days with their availability."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from mercato.console.chart_scale import Number, Scale, finite, slices

_HEIGHT = 24
_MOST_POINTS = 60
_GOOD, _FAIR = 9_990, 9_900


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A small line without axes. `label` says in words what it shows."""

    label: str
    path: str
    dots: str
    height: int


def sparkline(label: str, values: Sequence[Number | None]) -> Sparkline:
    """The last and the extreme values of a long series are among those that are drawn."""
    clean = [finite(value) for value in values]
    known = [value for value in clean if value is not None]
    if not known:
        return Sparkline(f"{label}: no values", "", "", _HEIGHT)
    scale = Scale(min(known), max(known), ())
    runs: list[list[str]] = [[]]
    for place in _chosen(clean):
        value = clean[place]
        if value is None:
            runs.append([])
            continue
        x = 100 * place / (len(clean) - 1) if len(clean) > 1 else 50
        share = scale.share(value) if scale.low < scale.high else 0.5
        runs[-1].append(f"{x:.4g} {2 + (_HEIGHT - 4) * (1 - share):.4g}")
    path = "".join(f"M{run[0]}L{' '.join(run[1:])}" for run in runs if len(run) > 1)
    dots = "".join(f"M{run[0]}h.01" for run in runs if len(run) == 1)
    return Sparkline(label, path, dots, _HEIGHT)


def _chosen(values: Sequence[Number | None]) -> list[int]:
    if len(values) <= _MOST_POINTS:
        return list(range(len(values)))
    kept: list[int] = []
    for places in slices(len(values), _MOST_POINTS // 2):
        known = [(value, place) for place in places if (value := values[place]) is not None]
        kept += sorted({min(known)[1], max(known)[1]}) if known else [places[0]]
    return kept if kept[-1] == len(values) - 1 else [*kept, len(values) - 1]


@dataclass(frozen=True, slots=True)
class DayBlock:
    """One day of the strip; a worse day is also lower, for those who do not see its colour."""

    state: str
    x: str
    y: int
    width: str
    height: int
    hint: str


@dataclass(frozen=True, slots=True)
class Strip:
    """Days in order. `sentence` says the same in words."""

    label: str
    sentence: str
    days: Sequence[DayBlock]
    height: int
    first: str
    last: str


def availability(label: str, days: Sequence[tuple[date, int | None]]) -> Strip:
    """A strip of days with their availability in basis points; None is a day without calls."""
    wide = 1000 / max(len(days), 1)
    blocks = []
    for place, (day, points) in enumerate(days):
        state, height = _state_of(points)
        hint = f"{day:%-d %b %Y}: {_share(points)}"
        x, width = f"{place * wide:.2f}", f"{wide * 0.8:.2f}"
        blocks.append(DayBlock(state, x, _HEIGHT - height, width, height, hint))
    first, last = (f"{day:%-d %b %Y}" for day, _ in (days[0], days[-1])) if days else ("", "")
    return Strip(label, _words(days), blocks, _HEIGHT, first, last)


def _state_of(points: int | None) -> tuple[str, int]:
    if points is None:
        return "none", 4
    if points >= _GOOD:
        return "good", _HEIGHT
    return ("fair", _HEIGHT * 3 // 4) if points >= _FAIR else ("bad", _HEIGHT // 2)


def _share(points: int | None) -> str:
    return "no calls" if points is None else f"{points // 100}.{points % 100:02d} %"


def _words(days: Sequence[tuple[date, int | None]]) -> str:
    known = [(points, day) for day, points in days if points is not None]
    if not known:
        return "No calls in this period."
    worst = min(known)
    below = sum(points < _GOOD for points, _ in known)
    if not below:
        return f"{len(known)} days with calls, none of them below 99.90 %."
    days_below = "1 day" if below == 1 else f"{below} days"
    return f"{days_below} of {len(known)} below 99.90 %; the worst was {worst[1]:%-d %b %Y} with {_share(worst[0])}."
