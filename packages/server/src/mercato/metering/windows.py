"""Windows of time that limits count in: calendar days and months in UTC, seconds and minutes of token buckets."""

from datetime import UTC, datetime, timedelta

from mercato_contracts.dataplane import LimitWindow

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)

_BUCKETS: dict[LimitWindow, int] = {"second": 1_000_000, "minute": 60_000_000}
_LEASE_SECONDS: dict[LimitWindow, int] = {"second": 1, "minute": 5, "day": 60, "month": 60, "ever": 60}


def bucket_us(window: LimitWindow) -> int | None:
    """The length of a token bucket's window in microseconds; `None` for windows that are counted, not refilled."""
    return _BUCKETS.get(window)


def month_start(at: datetime) -> datetime:
    """The first instant of the month of `at`, UTC."""
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def next_month(at: datetime) -> datetime:
    """The first instant of the month after that of `at`, UTC."""
    return month_start(month_start(at) + timedelta(days=32))


def window_start(window: LimitWindow, at: datetime) -> datetime:
    """When the window that `at` lies in began. Buckets and `ever` have one window, which began with the epoch."""
    if window == "month":
        return month_start(at)
    if window == "day":
        return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return EPOCH


def window_end(window: LimitWindow, at: datetime) -> datetime:
    """When the window that `at` lies in ends, which is when the next begins."""
    if window == "month":
        return next_month(at)
    if window == "day":
        return window_start("day", at) + timedelta(days=1)
    return END_OF_TIME


def lease_end(window: LimitWindow, at: datetime) -> datetime:
    """Until when a slice borrowed at `at` may be spent: soon, and never beyond its window."""
    return min(at + timedelta(seconds=_LEASE_SECONDS[window]), window_end(window, at))


def to_ms(span: timedelta) -> int:
    """Whole milliseconds, rounded up, so that who waits so long does not come too early."""
    return -(-span // timedelta(milliseconds=1))
