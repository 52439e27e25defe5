"""A counter in hand: its row is locked, its figures are Python's, and what changed is written back at the end."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.metering import MICRO, BucketTerms, Level, bucket_us, refill, to_ms, window_end
from mercato_contracts.dataplane import Limit, LimitWindow

MOST = 9_223_372_036_854_775_807
# What others hold comes back when their slices are spent or given back; ask again soon.
_HELD_RETRY_MS = 1_000


@dataclass(frozen=True, slots=True, order=True)
class CounterKey:
    """A scope in one window; locks are taken in this order."""

    scope: str
    window_start: datetime


def window_of(scope: str) -> LimitWindow:
    """The window in a scope's name, its last part; `ever` where that is none."""
    last = scope.rpartition(":")[2]
    windows: dict[str, LimitWindow] = {"second": "second", "minute": "minute", "day": "day", "month": "month"}
    return windows.get(last, "ever")


def bucket_terms(limit: Limit) -> BucketTerms | None:
    """The bucket of a limit of seconds or minutes; `None` for quotas."""
    window_us = bucket_us(limit.window)
    return None if window_us is None else BucketTerms(limit.burst or limit.cap, limit.cap, window_us)


@dataclass(slots=True)
class Tally:
    """Quotas count `used` and `leased`; a bucket has `level_micro` as of `refilled_at` (a new one is full)."""

    key: CounterKey
    used: int
    leased: int
    level_micro: int | None
    refilled_at: datetime | None

    def left(self, limit: Limit, now: datetime) -> int:
        """Whole units that nobody holds; a bucket is refilled first. Negative where a cap was lowered."""
        terms = bucket_terms(limit)
        if terms is None:
            return limit.cap - self.used - self.leased
        self._refill(terms, now)
        assert self.level_micro is not None
        return self.level_micro // MICRO

    def lend(self, limit: Limit, units: int) -> None:
        """`units` are lent out; they leave a bucket at once."""
        if limit.window in ("second", "minute"):
            assert self.level_micro is not None
            self.level_micro -= units * MICRO
        else:
            self.leased += units

    def reset_ms(self, limit: Limit, least: int, now: datetime) -> int:
        """Milliseconds until `least` units can be had, as far as time alone decides."""
        terms = bucket_terms(limit)
        if terms is not None:
            assert self.level_micro is not None
            missing = max(0, min(least * MICRO, terms.full_micro) - self.level_micro)
            return to_ms(timedelta(microseconds=min(terms.us_for(missing), 86_400 * MICRO)))
        if limit.unit == "concurrent" or self.used + least <= limit.cap:
            return _HELD_RETRY_MS
        return to_ms(window_end(limit.window, now) - now)

    def may_return(self, limit: Limit, least: int) -> bool:
        """Whether `least` units fit under what was spent, so that only what is lent out is in their way."""
        return bucket_terms(limit) is None and self.used + least <= limit.cap

    def refill_ms(self, limit: Limit, now: datetime) -> int:
        """Milliseconds until the scope is as fresh as it can be: bucket full, or next window."""
        terms = bucket_terms(limit)
        if terms is None:
            return to_ms(window_end(limit.window, now) - now)
        return self.reset_ms(limit, terms.size, now)

    def spend(self, *, granted: int, spent_before: int, units: int, concurrent: bool, is_open: bool) -> None:
        """`units` were spent from a slice of `granted`, of which `spent_before` were spent already."""
        held_before = max(0, granted - spent_before) if is_open else 0
        held_after = max(0, granted - spent_before - units) if is_open else 0
        if self.level_micro is not None:
            self.level_micro = max(-MOST, self.level_micro - (units - (held_before - held_after)) * MICRO)
        elif not concurrent:
            self.leased -= held_before - held_after
            self.used = min(MOST, self.used + units)

    def take_back(self, *, granted: int, spent: int, concurrent: bool) -> None:
        """A slice is closed: what was not spent of it is free again. A slot of a concurrent call always is."""
        unspent = max(0, granted - spent)
        if self.level_micro is not None:
            # May stand above the brim until the next refill cuts it: the bucket's size is not known here.
            self.level_micro = min(MOST, self.level_micro + unspent * MICRO)
        else:
            self.leased -= granted if concurrent else unspent

    def to_level(self, limit: Limit, now: datetime) -> Level:
        """How the scope stands."""
        left = self.left(limit, now)
        if limit.window in ("second", "minute"):
            return Level(used=max(0, (limit.burst or limit.cap) - left), leased=0, left=max(0, left))
        return Level(used=self.used, leased=self.leased, left=max(0, left))

    def _refill(self, terms: BucketTerms, now: datetime) -> None:
        if self.level_micro is None or self.refilled_at is None:
            self.level_micro, self.refilled_at = terms.full_micro, now
        level = min(self.level_micro, terms.full_micro)
        self.level_micro, self.refilled_at = refill(terms, level, self.refilled_at, now)
