"""Lend, settle, take back: decisions over locked counters."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from mercato.adapters.counters_postgres.lending import Lending, key_of
from mercato.adapters.counters_postgres.rows import CounterRows
from mercato.adapters.counters_postgres.tally import Tally
from mercato.metering import Holder, Lent, Level, Want
from mercato.platform import Clock, Ids, Session
from mercato_contracts.dataplane import LeaseAnswer, Limit


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
        tallies = await self._rows.lock(key_of(want.limit, now) for want in wants)
        lending = Lending(holder, batch, tallies, now, gateways, self._ids)
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
        return {
            row.id: Lent(row.key.scope, row.key.window_start, 0 if row.closed_at else max(0, row.granted - row.spent))
            for row in await self._rows.leases(leases)
        }

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
        tallies = await self._rows.read(key_of(limit, now) for limit in limits)
        return [
            (tallies.get(key_of(limit, now)) or Tally(key_of(limit, now), 0, 0, None, None)).to_level(limit, now)
            for limit in limits
        ]

    async def forget(self, before: datetime) -> int:
        """See `Counters.forget`."""
        return await self._rows.forget(before)
