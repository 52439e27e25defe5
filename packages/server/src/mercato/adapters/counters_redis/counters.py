"""Lend by Redis, settle in PostgreSQL. Why no cap is passed: docs/decisions/0008-redis-counts-what-is-lent.md."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from redis.asyncio import Redis
from redis.exceptions import RedisError

from mercato.adapters.counters_postgres import CounterKey, Lending, PostgresCounters, Tally, key_of
from mercato.adapters.counters_redis.base_rows import BaseRows, run_of
from mercato.adapters.counters_redis.lent import LentFigures
from mercato.metering import Holder, Level, Want, bucket_us
from mercato.platform import Clock, Ids, Refusal, Session
from mercato_contracts.dataplane import LeaseAnswer, Limit

# A swap fails only because another one succeeded, or because figures were lost.
_SWAPS = 1000
_RECOUNTS = 10


class CountersUnavailable(Refusal):
    """Redis does not answer, or loses its memory faster than it can be given back: nothing is lent."""

    code = "counters_unavailable"
    status = 503
    title = "Limits cannot be counted at present"
    fix = "Start the Redis server that MERCATO_REDIS_URL names, and ask again; usage is taken meanwhile."


class _FiguresLost(Exception):
    """Redis does not know some of the figures asked for."""


class _OtherRun(Exception):
    """Another run of Redis answers than the one that counts, by PostgreSQL: `run`."""

    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.run = run


class RedisCounters(PostgresCounters):
    """The port `Counters` within one transaction. Quotas and concurrent calls are lent without a lock on their rows.

    A counter's `leased` column holds only what came back, as a negative figure; what went out is Redis' figure. Token
    buckets, which gain by time, stay rows of PostgreSQL.
    """

    def __init__(self, session: Session, redis: Redis, clock: Clock, ids: Ids) -> None:
        super().__init__(session, clock, ids)
        self._session = session
        self._bases = BaseRows(session)
        self._lent = LentFigures(redis)

    async def lease(self, holder: Holder, requests: Sequence[Sequence[Want]], batch: str = "") -> list[LeaseAnswer]:
        """See `Counters.lease`. Raises `CountersUnavailable`."""
        gateways = await self._rows.note_gateway(holder.gateway, holder.life, self._clock.now())
        now = self._clock.now()
        try:
            for _ in range(_RECOUNTS):
                try:
                    # Undone when figures are lost, and with it the locks: nobody waits for a count and holds it up.
                    async with self._session.begin_nested():
                        return await self._lend(holder, batch, requests, now, gateways)
                except _FiguresLost:
                    await self._recount(_quotas(requests, now))
                except _OtherRun as other:
                    await self._bases.begin_reign(other.run)
        except (RedisError, OSError) as error:
            raise CountersUnavailable(
                f"Redis does not answer ({type(error).__name__}).", retry_after_seconds=1
            ) from error
        raise CountersUnavailable("Redis loses its figures again and again.", retry_after_seconds=1)

    async def reclaim(self) -> int:
        """See `Counters.reclaim`. Keeps the column `leased` within 64 bits too."""
        far = await self._bases.far_below_zero()
        if far:
            await self._bases.lock_to_count(far)
            # Nobody can fill them before this transaction has ended: that takes the lock.
            await self._lent.drop(far)
            await self._bases.rebase(far)
        return await super().reclaim()

    async def read(self, limits: Sequence[Limit]) -> list[Level]:
        """See `Counters.read`. By PostgreSQL alone: what its open leases hold is what is lent."""
        now = self._clock.now()
        keys = sorted({key_of(limit, now) for limit in limits})
        tallies = await self._rows.read(keys)
        for key, (_, held) in (await self._bases.held(keys)).items():
            tallies[key] = replace(tallies.get(key) or _new(key), leased=held)
        return [tallies[key_of(limit, now)].to_level(limit, now) for limit in limits]

    async def _lend(
        self,
        holder: Holder,
        batch: str,
        requests: Sequence[Sequence[Want]],
        now: datetime,
        gateways: int,
    ) -> list[LeaseAnswer]:
        quotas = _quotas(requests, now)
        if quotas:
            self._lent.reign = await self._bases.lock_to_lend(quotas)
        wanted = {key_of(want.limit, now) for request in requests for want in request}
        buckets = await self._rows.lock(wanted.difference(quotas))
        stored = {key: _new(key) for key in quotas} | await self._rows.read(quotas)
        for _ in range(_SWAPS):
            run, lent = await self._lent.read(quotas) if quotas else (b"", {})
            if quotas and (counting := run.decode().rstrip("|")) != run_of(self._lent.reign):
                raise _OtherRun(counting)
            if len(lent) < len(quotas):
                raise _FiguresLost
            tallies = {key: replace(tally) for key, tally in buckets.items()}
            tallies |= {key: replace(tally, leased=tally.leased + lent[key]) for key, tally in stored.items()}
            lending = Lending(holder, batch, tallies, now, gateways, self._ids)
            answers = [lending.answer(request) for request in requests]
            changed = [key for key in quotas if key in lending.touched]
            after = {key: tallies[key].leased - stored[key].leased for key in changed}
            if not changed or await self._lent.swap(run, {key: lent[key] for key in changed}, after):
                await self._rows.write(tally for key, tally in lending.touched.items() if key in buckets)
                await self._rows.add_leases(lending.leases)
                return answers
        raise CountersUnavailable("Too many ask for the same counter at once.", retry_after_seconds=1)

    async def _recount(self, keys: Sequence[CounterKey]) -> None:
        """Work out figures that are missing. Changes nothing in PostgreSQL, and leaves no lock behind."""
        savepoint = await self._session.begin_nested()
        try:
            await self._bases.lock_to_count(keys)
            _, known = await self._lent.read(keys)
            missing = [key for key in keys if key not in known]
            if missing:
                run, claim = await self._lent.claim(missing)
                held = await self._bases.held(missing)
                await self._lent.fill(run, claim, {key: held[key][1] - held[key][0] for key in missing})
        finally:
            await savepoint.rollback()


def _quotas(requests: Sequence[Sequence[Want]], now: datetime) -> list[CounterKey]:
    limits = [want.limit for request in requests for want in request]
    return sorted({key_of(limit, now) for limit in limits if bucket_us(limit.window) is None})


def _new(key: CounterKey) -> Tally:
    return Tally(key, 0, 0, None, None)
