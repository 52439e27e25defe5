"""Slices: what this process has borrowed of each limit, and spends here, in integers."""

from collections import deque

import msgspec

from mercato_gateway.refusals import Refused
from mercato_gateway.wire import LeaseGrant, Limit

WINDOW_SECONDS = {"second": 1, "minute": 60, "day": 86_400, "month": 2_592_000, "ever": 0}
_AHEAD_SECONDS = 1.5
# How long a call waits for units that others may give back (a slot of a concurrent call: only as long as a returned one
# takes to arrive).
_PATIENCE_SECONDS = 2.0
_SLOT_PATIENCE_SECONDS = 0.4


class Lease:
    """Units borrowed until `expires` (loop time). `held` counts the calls in flight that took from them."""

    __slots__ = ("closed", "expires", "held", "id", "left", "quoted")

    def __init__(self, lease_id: str, left: int, expires: float) -> None:
        self.id = lease_id
        self.quoted = msgspec.json.encode(lease_id)
        self.left = left
        self.expires = expires
        self.held = 0
        self.closed = False


Lacking = list[tuple["Slice", int]]
Taken = tuple["Slice", Lease, int]


class Slice:
    """What this process has borrowed of one limit."""

    __slots__ = (
        "cap", "denied_least", "denied_left", "denied_until", "elsewhere", "included", "label", "last_used",
        "leases", "low", "may_return", "name", "patience",
        "rate", "refused_until", "requested", "reset_at", "scope", "spent", "typical",
        "unit", "window",
    )  # fmt: skip

    def __init__(self, limit: Limit) -> None:
        self.scope = limit.scope
        self.unit = limit.unit
        self.window = limit.window
        self.cap = limit.cap
        self.included = ":included:" in limit.scope
        kind = limit.scope.partition(":")[0]
        self.name = f"{kind}-{'included' if self.included else limit.unit}-{limit.window}"
        self.label = self.name.encode()
        self.leases: deque[Lease] = deque()
        self.low = 0
        self.elsewhere = limit.cap
        self.reset_at = 0.0
        self.denied_until = 0.0
        self.denied_left = 0
        self.denied_least = 0
        self.may_return = False
        self.patience = _SLOT_PATIENCE_SECONDS if limit.unit == "concurrent" else _PATIENCE_SECONDS
        self.refused_until = 0.0
        self.rate = 0.0
        self.spent = 0
        self.typical = 1
        self.requested = False
        self.last_used = 0.0

    def available(self, now: float) -> int:
        """Units that a call may still take here."""
        return sum(lease.left for lease in self.leases if lease.expires > now)

    def take(self, units: int, now: float, taken: list[Taken]) -> bool:
        """Takes all of `units` and notes in `taken` which leases they came from; or takes nothing and returns false."""
        self.last_used = now
        leases = self.leases
        if leases:
            lease = leases[0]
            if lease.left >= units and lease.expires > now:
                lease.left -= units
                lease.held += 1
                taken.append((self, lease, units))
                return True
        return len(leases) > 1 and self._take_from_several(units, now, taken)

    def _take_from_several(self, units: int, now: float, taken: list[Taken]) -> bool:
        if self.available(now) < units:
            return False
        for lease in self.leases:
            part = min(units, lease.left) if lease.expires > now else 0
            if part > 0:
                lease.left -= part
                lease.held += 1
                taken.append((self, lease, part))
                units -= part
        return units == 0

    def grant(self, grant: LeaseGrant, now: float, wall_ms: int) -> None:
        """Adds what was lent. A grant of nothing means that there is nothing to lend at present."""
        self.cap, self.elsewhere = grant.cap, grant.left
        self.reset_at = now + grant.reset_ms / 1000
        if grant.granted <= 0:
            self.denied_until, self.denied_left, self.may_return = self.reset_at, grant.left, False
            return
        self.denied_until = 0.0
        expires = now + max(0.0, (grant.expires_at_ms - wall_ms) / 1000)
        self.leases.append(Lease(grant.lease, grant.granted, expires))
        self.low = grant.granted // 4

    @property
    def scarce(self) -> bool:
        """Whether so little is left elsewhere that other gateways may soon need what is unused here."""
        return 2 * self.elsewhere < self.cap

    def ahead(self) -> int:
        """Units worth borrowing beyond what calls wait for: recent use, at most a small share of the cap; none when
        scarce.
        """
        if self.scarce:
            return 0
        share = self.cap // (8 if self.window in ("second", "minute") else 64)
        return min(int(max(self.rate * _AHEAD_SECONDS, 16 * self.typical)), share)

    def refusal(self, need: int, now: float) -> Refused:
        """The refusal of a call that needs `need` units."""
        if self.included:
            code = "quota_exhausted"
        elif self.unit == "nanos":
            code = "budget_exceeded"
        elif self.unit == "concurrent":
            code = "too_many_concurrent"
        else:
            code = "rate_limit_exceeded" if self.window in ("second", "minute") else "quota_exceeded"
        wait = max(1, int(self.denied_until - now + 0.999))
        left = max(0, self.denied_left + self.available(now))
        detail = f"This call may use {need} {self.unit} of `{self.name}` and {left} of {self.cap} are left."
        return Refused(
            code, detail, retry_after=wait, facts={"limit": self.name, "cap": self.cap, "left": left, "needed": need}
        )
