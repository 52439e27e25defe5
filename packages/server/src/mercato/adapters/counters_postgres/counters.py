"""Lend, settle, take back: decisions over locked counters."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from mercato.adapters.counters_postgres.rows import CounterRows
from mercato.adapters.counters_postgres.tally import CounterKey, Tally
from mercato.metering import Holder, Lent, Level, Want, lease_end, slice_units, window_start
from mercato.platform import Clock, Ids, Session
from mercato_contracts import ids as id_prefix
from mercato_contracts.dataplane import LeaseAnswer, LeaseDenial, LeaseGrant, Limit


def _key(limit: Limit, now: datetime) -> CounterKey:
    return CounterKey(limit.scope, window_start(limit.window, now))


class PostgresCounters:
    """The port `Counters` within one transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids) -> None:
        self._rows = CounterRows(session)
        self._clock = clock
        self._ids = ids

    async def lease(self, holder: Holder, requests: Sequence[Sequence[Want]], batch: str = "") -> list[LeaseAnswer]:
        """See `Counters.lease`."""
        gateways = await self._rows.note_gateway(holder.gateway, holder.life, self._clock.now())
        wants = [want for request in requests for want in request]
        now = self._clock.now()
        tallies = await self._rows.lock(_key(want.limit, now) for want in wants)
        lending = _Lending(holder, batch, tallies, now, gateways, self._ids)
        answers = [lending.answer(request) for request in requests]
        await self._rows.write(lending.touched.values())
        await self._rows.add_leases(lending.leases)
        return answers

    async def abandon(self, holder: Holder, batches: Collection[str]) -> int:
        """See `Counters.abandon`."""
        leases = await self._rows.open_of_batches(holder.gateway, holder.life, batches)
        await self.settle({}, set(leases))
        return len(leases)

    async def find(self, leases: Collection[str]) -> dict[str, Lent]:
        """See `Counters.find`."""
        found = await self._rows.find(leases)
        return {lease: Lent(key.scope, key.window_start) for lease, key in found.items()}

    async def settle(self, spends: Mapping[str, int], closed: Collection[str]) -> None:
        """See `Counters.settle`."""
        keys = await self._rows.find({*spends, *closed})
        if not keys:
            return
        now = self._clock.now()
        tallies = await self._rows.lock(keys.values())
        changed = []
        for lease in await self._rows.leases(keys):
            tally, concurrent = tallies[lease.key], lease.unit == "concurrent"
            units = spends.get(lease.id, 0)
            tally.spend(
                granted=lease.granted,
                spent_before=lease.spent,
                units=units,
                concurrent=concurrent,
                is_open=lease.closed_at is None,
            )
            lease.spent = min(lease.spent + units, 2**63 - 1)
            closing = lease.id in closed and lease.closed_at is None
            if closing:
                tally.take_back(granted=lease.granted, spent=lease.spent, concurrent=concurrent)
                lease.closed_at = now
            if units or closing:
                changed.append(lease)
        await self._rows.write(tallies.values())
        await self._rows.write_leases(changed)

    async def note_shipped(self, holder: Holder, to: datetime) -> None:
        """See `Counters.note_shipped`."""
        await self._rows.note_shipped(holder.gateway, holder.life, to, self._clock.now())

    async def recover(self, holder: Holder) -> int:
        """See `Counters.recover`."""
        leases = await self._rows.open_of_earlier_lives(holder.gateway, holder.life)
        await self.settle({}, set(leases))
        return len(leases)

    async def reclaim(self) -> int:
        """See `Counters.reclaim`."""
        leases = await self._rows.unanswered()
        await self.settle({}, set(leases))
        return len(leases)

    async def read(self, limits: Sequence[Limit]) -> list[Level]:
        """See `Counters.read`."""
        now = self._clock.now()
        tallies = await self._rows.read(_key(limit, now) for limit in limits)
        return [
            (tallies.get(_key(limit, now)) or Tally(_key(limit, now), 0, 0, None, None)).to_level(limit, now)
            for limit in limits
        ]

    async def forget(self, before: datetime) -> int:
        """See `Counters.forget`."""
        return await self._rows.forget(before)


class _Lending:
    """One batch of requests over the counters that it locked."""

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
            key = _key(want.limit, self._now)
            needed[key] = needed.get(key, 0) + want.least
            tally = self._tallies[key]
            left = tally.left(want.limit, self._now)
            # A want of nothing is met even where there is debt: it then gets nothing.
            if needed[key] > max(0, left):
                return LeaseAnswer(denied=self._deny(want.limit, tally, needed[key], left))
        reserved = dict(needed)
        grants = []
        for want in request:
            reserved[_key(want.limit, self._now)] -= want.least
            grants.append(self._grant(want, reserved[_key(want.limit, self._now)]))
        return LeaseAnswer(grants=grants)

    def _deny(self, limit: Limit, tally: Tally, least: int, left: int) -> LeaseDenial:
        return LeaseDenial(
            scope=limit.scope, cap=limit.cap, left=max(0, left), reset_ms=tally.reset_ms(limit, least, self._now)
        )

    def _grant(self, want: Want, reserved: int) -> LeaseGrant:
        limit, key = want.limit, _key(want.limit, self._now)
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
                "window_start": _key(want.limit, self._now).window_start,
                "unit": want.limit.unit,
                "granted": units,
                "granted_at": self._now,
                "expires_at": expires_at,
            }
        )
