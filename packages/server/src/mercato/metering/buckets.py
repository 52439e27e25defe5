"""Token buckets in integers: levels are millionths of a unit, times microseconds, and nothing is lost to rounding."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato_contracts.pricing import ceil_div

MICRO = 1_000_000
# A level fits a signed 64-bit integer. A larger bucket is cut to this, which no caller can tell from its own size.
_MOST_UNITS = 9_000_000_000_000
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class BucketTerms:
    """A bucket of `size` units that gains `refill` units in each `window_us` microseconds."""

    size: int
    refill: int
    window_us: int

    @property
    def full_micro(self) -> int:
        """The level of a full bucket."""
        return min(self.size, _MOST_UNITS) * MICRO

    @property
    def refill_micro(self) -> int:
        """Millionths gained in a window."""
        return min(self.refill, _MOST_UNITS) * MICRO

    def us_for(self, micro: int) -> int:
        """Microseconds in which `micro` millionths are gained; a day where nothing ever is."""
        return ceil_div(micro * self.window_us, self.refill_micro) if self.refill_micro else 86_400 * MICRO


def refill(terms: BucketTerms, level: int, since: datetime, now: datetime) -> tuple[int, datetime]:
    """The level at `now` of a bucket that had `level` at `since`, and the instant up to which it is refilled.

    That instant may lie a moment before `now`: time too short for a whole millionth is kept for the next refill. A
    clock that went back gains nothing.
    """
    elapsed_us = (now - since) // _MICROSECOND
    if elapsed_us <= 0:
        return level, since
    gained = terms.refill_micro * elapsed_us // terms.window_us
    if level + gained >= terms.full_micro:
        return terms.full_micro, now
    return level + gained, since + timedelta(microseconds=terms.us_for(gained) if gained else 0)
