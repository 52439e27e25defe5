"""What a chart is made of: figures with their unit, and where they stand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.console.chart_scale import Number, Scale, label_of, scale_of, time_ticks, written_time


def write_count(value: Number) -> str:
    """1,234,567; floats with four significant digits."""
    return (f"{value:,}" if isinstance(value, int) else f"{value:,.4g}").replace("-", "−")


def write_short(value: Number) -> str:
    """1.2M on an axis."""
    for size, letter in ((10**12, "T"), (10**9, "B"), (10**6, "M"), (10**3, "k")):
        if abs(value) >= size and (not isinstance(value, int) or value % (size // 10) == 0):
            return f"{value / size:.4g}{letter}".replace("-", "−")
    return write_count(value)


@dataclass(frozen=True, slots=True)
class Unit:
    """What the figures count, and how one is written in a table and on an axis.

    `summed`: whether a total says something.
    """

    name: str
    write: Callable[[Number], str] = write_count
    write_tick: Callable[[Number], str] = write_short
    summed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One series, with a value for each place. `faint`: what another is compared with, such as the period before."""

    name: str
    values: Sequence[Number | None]
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Places:
    """Where the values stand: moments in a zone, or numbers such as the steps of a training."""

    name: str
    labels: Sequence[str]
    shares: Sequence[float]
    ticks: Sequence[tuple[float, str]]
    """The share of the width, and the label."""


def moments(times: Sequence[datetime], zone: str, step: timedelta) -> Places:
    """Points in time, which lie as far apart as they are; `step` is how far that usually is."""
    labels = [written_time(at, zone, step) for at in times]
    if not times:
        return Places("Time", (), (), ())
    first, span = times[0], times[-1] - times[0]
    shares = [(at - first) / span if span else 0.5 for at in times]
    ticks = [((tick.at - first) / span if span else 0.5, tick.label) for tick in time_ticks(first, times[-1], zone)]
    return Places("Time", labels, shares, ticks)


def periods(starts: Sequence[datetime], zone: str, step: timedelta) -> Places:
    """Steps of time for bars, each equally wide; ticks stand under the middle of a bar."""
    labels = [written_time(at, zone, step) for at in starts]
    if not starts:
        return Places("Time", (), (), ())
    wide = len(starts)
    every = -(-wide // 7)
    span = max(starts[-1] - starts[0], step)
    ticks = [((place + 0.5) / wide, label_of(starts[place], zone, span)) for place in range(0, wide, every)]
    return Places("Time", labels, [(place + 0.5) / wide for place in range(wide)], ticks)


def numbers(name: str, at: Sequence[int]) -> Places:
    """Whole numbers in order, such as rounds or the steps of a training."""
    labels = [write_count(each) for each in at]
    if not at or at[0] == at[-1]:
        return Places(name, labels, [0.5] * len(at), [(0.5, label) for label in labels[:1]])
    scale = Scale(at[0], at[-1], ())
    ticks = [each for each in scale_of(at, from_zero=False, most=7).ticks if at[0] <= each <= at[-1]]
    return Places(name, labels, [scale.share(each) for each in at], [(scale.share(t), write_short(t)) for t in ticks])
