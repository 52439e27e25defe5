"""The time of day: the machine's clock, or the marketplace's where the machine's is wrong.

Calls are dated and leases end by the time of day, and both are compared with times of other machines. A gateway whose
clock is an hour ahead would let no lease live, and would bill calls in the wrong month.
"""

import time
from typing import Final

from mercato_gateway.log import log

_monotonic_ns = time.monotonic_ns
_time_ns = time.time_ns

_TOLERATED_NS: Final = 5_000_000_000
"""By which a machine's own clock may differ from what arrives over a network, and is still the better one."""
_STEADY_NS: Final = 2_000_000_000


class Wall:
    """Nanoseconds since 1970. `ahead_ns` is by how much the machine's clock is ahead of the marketplace's; 0 while it
    is right.
    """

    __slots__ = ("_base_ns", "_last_ns", "ahead_ns")

    def __init__(self) -> None:
        self._base_ns = 0  # what the monotonic clock lacks; 0 where the machine's clock is right
        self._last_ns = 0
        self.ahead_ns = 0

    def ns(self) -> int:
        """The time, nanoseconds since 1970."""
        base = self._base_ns
        return _monotonic_ns() + base if base else _time_ns()

    def ms(self) -> int:
        """The time, milliseconds since 1970."""
        return self.ns() // 1_000_000

    def seconds(self) -> float:
        """The time, seconds since 1970."""
        return self.ns() / 1e9

    def hear(self, at_ms: int) -> None:
        """The marketplace's time, as it was told just now.

        A line that was long on its way tells of an earlier time: two must agree before they count.
        """
        now = _monotonic_ns()
        told = at_ms * 1_000_000 - now
        is_steady = abs(told - self._last_ns) < _STEADY_NS
        self._last_ns = told
        if not is_steady:
            return
        ahead = _time_ns() - now - told
        if abs(ahead) <= _TOLERATED_NS:
            if self._base_ns:
                log("clock_is_right_again")
            self._base_ns = self.ahead_ns = 0
            return
        if not self._base_ns or abs(told - self._base_ns) > _STEADY_NS:
            seconds = round(ahead / 1e9, 1)
            log(
                "clock_is_wrong",
                seconds_ahead=seconds,
                fix="set this machine's clock; until then the marketplace's is used",
            )
            self._base_ns = told
        self.ahead_ns = ahead
