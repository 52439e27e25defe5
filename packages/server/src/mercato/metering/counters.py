"""The port `Counters`: exact caps shared by any number of gateways, as slices that are borrowed, spent and given back.

What must hold of every adapter: for each scope and window, what was spent plus what is lent out never passes the cap,
whatever asks at once and whoever dies. Who settles spends no more of a lease than it has `left`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mercato_contracts.dataplane import LeaseAnswer, Limit


@dataclass(frozen=True, slots=True)
class Want:
    """Units of one scope that a call needs at `least`, and would like at `most`. The cap is the control plane's."""

    limit: Limit
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Who borrows: a gateway process and which of its lives. Ids of lives sort by time, as UUIDv7 do."""

    gateway: str
    life: str


@dataclass(frozen=True, slots=True)
class Lent:
    """What is known of a lease: its scope and window never change. `left` was not spent; 0 of a closed one."""

    scope: str
    window_start: datetime
    left: int


@dataclass(frozen=True, slots=True)
class Level:
    """A scope now: `used` was spent, `leased` is lent out, `left` nobody holds. Whole units."""

    used: int
    leased: int
    left: int


class Counters(Protocol):
    """Counted scopes."""

    async def lease(self, holder: Holder, requests: Sequence[Sequence[Want]], batch: str = "") -> list[LeaseAnswer]:
        """One answer a request, in order: a grant for each of its wants, or the first denial and nothing borrowed.

        The leases remember `batch`, for `abandon`.
        """
        ...

    async def abandon(self, holder: Holder, batches: Collection[str]) -> int:
        """Close what these batches of this life borrowed: their answers never came. Returns how many leases that were.

        Said again while such a batch may still be under way. Not in one transaction with `lease`, as both lock.
        """
        ...

    async def find(self, leases: Collection[str]) -> dict[str, Lent]:
        """What is known of these leases; unknown ones are left out."""
        ...

    async def settle(self, spends: Mapping[str, int], closed: Collection[str]) -> None:
        """Count what was spent from each lease, then take back what is left of the `closed` ones.

        A lease may be closed twice and spent from after it was closed. Unknown leases are passed over.
        """
        ...

    async def note_shipped(self, holder: Holder, to: datetime) -> None:
        """All usage of this life up to `to` has arrived: what `reclaim` goes by."""
        ...

    async def recover(self, holder: Holder) -> int:
        """Take back what earlier lives of this gateway still hold; returns how many leases that were."""
        ...

    async def reclaim(self) -> int:
        """Take back leases whose answer the gateway never got; returns how many.

        Such a lease shows by a gateway that goes on shipping usage long after the lease's last call can have ended, or
        that ships usage of a later life.
        """
        ...

    async def read(self, limits: Sequence[Limit]) -> list[Level]:
        """How each scope stands in its present window, in the order asked."""
        ...

    async def forget(self, before: datetime) -> int:
        """Drop leases closed before then and counters of windows long over; returns how many rows."""
        ...


def slice_units(*, left: int, least: int, most: int, gateways: int) -> int:
    """How much to lend when `left` is free, which is at least `least`.

    Half of what is free, shared by the gateways alive, and near the cap no more than the call needs, so that a slice
    that lies unused in one gateway does not starve another. A want of nothing is a call for which a part will do (what
    a plan includes, where more is priced): it gets all that it can use, so that nothing is priced while that is free.
    """
    share = left // (2 * gateways) if least else left
    return min(max(most, least), max(least, share))
