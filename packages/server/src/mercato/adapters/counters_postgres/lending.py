"""One batch of requests over counters in hand: what is lent, and why not."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mercato.adapters.counters_postgres.tally import CounterKey, Tally
from mercato.metering import Holder, Want, lease_end, slice_units, window_start
from mercato.platform import Ids
from mercato_contracts import ids as id_prefix
from mercato_contracts.dataplane import LeaseAnswer, LeaseDenial, LeaseGrant, Limit


def key_of(limit: Limit, now: datetime) -> CounterKey:
    """The counter that a limit counts in at `now`."""
    return CounterKey(limit.scope, window_start(limit.window, now))


class Lending:
    """Lends from counters that nobody else changes; `touched` and `leases` are to be written when it is done."""

    def __init__(
        self, holder: Holder, batch: str, tallies: dict[CounterKey, Tally], now: datetime, gateways: int, ids: Ids
    ) -> None:
        self._holder = holder
        self._batch = batch
        self._tallies = tallies
        self._now = now
        self._gateways = gateways
        self._ids = ids
        self.touched: dict[CounterKey, Tally] = {}
        self.leases: list[dict[str, Any]] = []

    def answer(self, request: Sequence[Want]) -> LeaseAnswer:
        """All wants or none: nothing is lent before every want was seen to fit beside the others."""
        needed: dict[CounterKey, int] = {}
        for want in request:
            key = key_of(want.limit, self._now)
            needed[key] = needed.get(key, 0) + want.least
            tally = self._tallies[key]
            left = tally.left(want.limit, self._now)
            # A want of nothing is met even where a cap was lowered below what is used: it then gets nothing.
            if needed[key] > max(0, left):
                return LeaseAnswer(denied=self._deny(want.limit, tally, needed[key], left))
        reserved = dict(needed)
        grants = []
        for want in request:
            reserved[key_of(want.limit, self._now)] -= want.least
            grants.append(self._grant(want, reserved[key_of(want.limit, self._now)]))
        return LeaseAnswer(grants=grants)

    def _deny(self, limit: Limit, tally: Tally, least: int, left: int) -> LeaseDenial:
        return LeaseDenial(
            scope=limit.scope,
            cap=limit.cap,
            left=max(0, left),
            reset_ms=tally.reset_ms(limit, least, self._now),
            may_return=tally.may_return(limit, least),
        )

    def _grant(self, want: Want, reserved: int) -> LeaseGrant:
        limit, key = want.limit, key_of(want.limit, self._now)
        tally = self._tallies[key]
        free = max(0, tally.left(limit, self._now) - reserved)
        units = slice_units(left=free, least=want.least, most=want.most, gateways=self._gateways)
        tally.lend(limit, units)
        self.touched[key] = tally
        lease_id = self._ids.new(id_prefix.LEASE)
        expires_at = lease_end(limit.window, self._now)
        if units:
            self._note(lease_id, want, units, expires_at)
        return LeaseGrant(
            lease=lease_id,
            scope=limit.scope,
            granted=units,
            expires_at_ms=int(expires_at.timestamp() * 1000),
            cap=limit.cap,
            left=max(0, tally.left(limit, self._now)),
            # Nothing to lend may mean that others hold it: then asking again can succeed before the window ends.
            reset_ms=tally.refill_ms(limit, self._now) if units else tally.reset_ms(limit, 1, self._now),
        )

    def _note(self, lease_id: str, want: Want, units: int, expires_at: datetime) -> None:
        self.leases.append(
            {
                "id": lease_id,
                "gateway": self._holder.gateway,
                "life": self._holder.life,
                "batch": self._batch,
                "scope": want.limit.scope,
                "window_start": key_of(want.limit, self._now).window_start,
                "unit": want.limit.unit,
                "granted": units,
                "granted_at": self._now,
                "expires_at": expires_at,
            }
        )
