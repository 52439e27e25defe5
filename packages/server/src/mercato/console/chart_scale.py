"""Scales of charts: round ticks, ticks in local time, and fewer points that keep each extreme.

Amounts stay integers here. Only a share of the drawing's height or width is a float.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

Number = int | float
_MOST_TIME_TICKS = 7
_SPACING = 10
_LARGEST_FLOAT, _SMALLEST_FLOAT = 1e300, 1e-300
"""Beyond these a difference, or a tick, would be infinite or nothing."""
_FACTORS = (Fraction(1), Fraction(2), Fraction(5, 2), Fraction(5), Fraction(10))
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 600)


@dataclass(frozen=True, slots=True)
class Scale:
    """From `low` to `high`, both of them ticks."""

    low: Number
    high: Number
    ticks: tuple[Number, ...]

    def share(self, value: Number) -> float:
        """Where `value` lies: 0 at `low`, 1 at `high`. The difference is taken before anything is rounded."""
        try:
            found = float((value - self.low) / (self.high - self.low))
        except OverflowError:
            found = math.nan
        if math.isfinite(found):
            return found
        return float((Fraction(value) - Fraction(self.low)) / (Fraction(self.high) - Fraction(self.low)))


def finite(value: Number | None) -> Number | None:
    """`value`, or None for a float that no axis can hold."""
    if value is None or isinstance(value, int):
        return value
    if not math.isfinite(value) or abs(value) > _LARGEST_FLOAT:
        return None
    return value if abs(value) > _SMALLEST_FLOAT else 0.0


def scale_of(values: Sequence[Number], *, from_zero: bool, most: int = 5) -> Scale:
    """A scale with `most` ticks at most that holds all `values`. Integers get integer ticks."""
    low, high = (min(values), max(values)) if values else (0, 1)
    if from_zero:
        low, high = min(low, 0), max(high, 0)
    whole = all(isinstance(value, int) for value in values)
    if low == high:
        low, high = _widened(low, whole)
    step = _round_step(Fraction(high) - Fraction(low), most - 1, whole)
    first, last = math.floor(Fraction(low) / step), math.ceil(Fraction(high) / step)
    ticks = tuple(_plain(step * each, whole) for each in range(first, last + 1))
    return Scale(ticks[0], ticks[-1], ticks)


def _widened(value: Number, whole: bool) -> tuple[Number, Number]:
    if value == 0:
        return (0, 1)
    # One value alone stands at the end of a scale that begins at zero.
    return (min(value, 0), max(value, 0)) if whole else (value - abs(value), value + abs(value))


def _round_step(span: Fraction, parts: int, whole: bool) -> Fraction:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that covers `span` in `parts` steps."""
    wanted = span / parts
    power = Fraction(10) ** (_digits(wanted) - 1)
    steps = (power * factor for factor in _FACTORS)
    fitting = (step for step in steps if step >= wanted and not (whole and step.denominator > 1))
    return next(fitting, Fraction(1))


def _digits(value: Fraction) -> int:
    """How many digits stand before the decimal point; none or fewer for what is less than one."""
    found = len(str(value.numerator)) - len(str(value.denominator))
    return found + 1 if value >= Fraction(10) ** found else found


def _plain(value: Fraction, whole: bool) -> Number:
    return int(value) if whole else float(value)


def thin(values: Sequence[Number | None], buckets: int) -> list[int]:
    """The places of the values to draw: of each bucket the first, the lowest, the highest and the last.

    A bucket without any value leaves one place, where the line breaks.
    """
    if len(values) <= buckets * 4:
        return list(range(len(values)))
    kept: list[int] = []
    for places in slices(len(values), buckets):
        known = [(value, place) for place in places if (value := values[place]) is not None]
        if known:
            chosen = {known[0][1], min(known)[1], max(known)[1], known[-1][1]}
            kept += sorted(chosen)
        else:
            kept.append(places[0])
    return kept


def slices(length: int, parts: int) -> Iterator[range]:
    """`length` places in `parts` slices of nearly the same size."""
    for part in range(parts):
        first, last = part * length // parts, (part + 1) * length // parts
        if first < last:
            yield range(first, last)


@dataclass(frozen=True, slots=True)
class TimeTick:
    """A moment at a round local time, and what stands under it."""

    at: datetime
    label: str


def time_ticks(first: datetime, last: datetime, zone: str, most: int = _MOST_TIME_TICKS) -> list[TimeTick]:
    """Round local times from `first` to `last`; one tick where both are the same moment."""
    tz = ZoneInfo(zone)
    if first >= last:
        return [TimeTick(first, label_of(first, zone, timedelta(0)))]
    span = last - first
    for moments in _candidates(first.astimezone(tz), span):
        found = _until(moments, first, last, most)
        if found is not None:
            return [TimeTick(at, label_of(at, zone, span)) for at in found]
    ends = [TimeTick(each, label_of(each, zone, span)) for each in (first, last)]
    return ends if ends[0].label != ends[1].label else ends[:1]


def _until(moments: Iterator[datetime], first: datetime, last: datetime, most: int) -> list[datetime] | None:
    """Those between `first` and `last`; None where they are more than `most` or fewer than two."""
    found: list[datetime] = []
    for moment in moments:
        if moment > last:
            break
        if moment >= first and (not found or moment > found[-1]):
            found.append(moment)
        if len(found) > most:
            return None
    return found if len(found) > 1 else None


def _candidates(first: datetime, span: timedelta) -> Iterator[Iterator[datetime]]:
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    for minutes in _MINUTES:
        if span <= timedelta(minutes=minutes) * _SPACING:
            yield _steps(midnight, timedelta(minutes=minutes))
    for days in _DAYS:
        if span <= timedelta(days=days) * _SPACING:
            yield _steps(midnight, timedelta(days=days))
    for months in _MONTHS:
        yield _month_starts(midnight, months)


def _steps(midnight: datetime, step: timedelta) -> Iterator[datetime]:
    """Times of the clock on the wall, so that a day of 23 hours still begins at midnight."""
    wall = midnight.replace(tzinfo=None)
    while True:
        yield wall.replace(tzinfo=midnight.tzinfo).astimezone(UTC)
        wall += step


def _month_starts(midnight: datetime, months: int) -> Iterator[datetime]:
    number = midnight.year * 12 + midnight.month - 1
    number -= number % months
    while number < 9999 * 12:
        yield midnight.replace(year=number // 12, month=number % 12 + 1, day=1).astimezone(UTC)
        number += months


def label_of(at: datetime, zone: str, span: timedelta) -> str:
    """A moment on an axis that is `span` long: the time of day, the day, or the month."""
    local = at.astimezone(ZoneInfo(zone))
    if span <= timedelta(hours=48):
        return f"{local:%-d %b}" if (local.hour, local.minute) == (0, 0) and span else f"{local:%H:%M}"
    if span <= timedelta(days=140):
        return f"{local:%-d %b}"
    return f"{local:%b %Y}" if span <= timedelta(days=366 * 6) else f"{local:%Y}"


def written_time(at: datetime, zone: str, step: timedelta) -> str:
    """A moment in a table of points that are `step` apart."""
    local = at.astimezone(ZoneInfo(zone))
    if step >= timedelta(hours=23):
        return f"{local:%-d %b %Y}"
    return f"{local:%-d %b %Y, %H:%M}" if step >= timedelta(minutes=1) else f"{local:%-d %b %Y, %H:%M:%S}"
