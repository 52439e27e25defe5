"""Latencies counted in fixed buckets, so that counts of any minutes, releases and machines add up.

The upper bounds are whole microseconds, four to an octave from 1 ms to 14 minutes: a quantile read from them is off by
less than the width of its bucket, a fifth of the value. The bounds are part of stored rows and never change.
"""

from bisect import bisect_left
from collections.abc import Sequence

# 1000 times the powers of the fourth root of two, rounded.
_OCTAVE = (1_000, 1_189, 1_414, 1_682)
BOUNDS_US: tuple[int, ...] = tuple(mantissa << octave for octave in range(20) for mantissa in _OCTAVE)
"""Inclusive upper bounds in microseconds. One more bucket takes what is beyond the last."""
BUCKETS = len(BOUNDS_US) + 1


def bucket_of(latency_us: int) -> int:
    """The number of the bucket that counts this latency, from 0."""
    return bisect_left(BOUNDS_US, latency_us)


def quantile_us(counts: Sequence[int], per_ten_thousand: int) -> int | None:
    """The latency that so many of ten thousand calls did not pass, in microseconds; `None` where nothing was counted.

    Interpolated within the bucket, as Prometheus' `histogram_quantile` does; never beyond the last bound.
    """
    total = sum(counts)
    if total == 0:
        return None
    rank = max(1, -(-total * per_ten_thousand // 10_000))
    below = 0
    for number, count in enumerate(counts):
        if count and below + count >= rank:
            return _within(number, rank - below, count)
        below += count
    raise AssertionError("the counts sum to their total")


def _within(number: int, place: int, count: int) -> int:
    if number == len(BOUNDS_US):
        return BOUNDS_US[-1]
    lower = BOUNDS_US[number - 1] if number else 0
    return lower + (BOUNDS_US[number] - lower) * place // count
