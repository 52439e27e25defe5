"""The SQL beside Redis: who may lend while who works figures out anew, and what PostgreSQL knows to be lent."""

from collections.abc import Sequence
from secrets import token_hex
from typing import Any

from sqlalchemy import text

from mercato.adapters.counters_postgres import CounterKey
from mercato.platform import Session, hold_name, holder_of

_REIGN = 7_245_110_390
_SERVE = text(f"SELECT pg_advisory_xact_lock_shared({_REIGN})")
_RULE = text(f"SELECT pg_advisory_xact_lock({_REIGN})")
_NAME = "redis"
# Taken in the order of their numbers, which are not unique: two counters that share one wait for each other, no more.
_LOCK = (
    "SELECT pg_advisory_xact_lock{kind}(1279610708, number){and_more} FROM (SELECT DISTINCT"
    " hashtext(scope || ' ' || start) AS number"
    " FROM unnest(CAST(:scopes AS text[]), CAST(:starts AS text[])) AS wanted (scope, start)"
    " ORDER BY number) AS numbers"
)
_LEND = text(_LOCK.format(kind="_shared", and_more=", (SELECT holder FROM name_holders WHERE name = 'redis')"))
_COUNT = text(_LOCK.format(kind="", and_more=""))
# One statement, so one snapshot: a lease and its counter are settled in one transaction and never seen apart.
_BASES = text(
    "SELECT scope, window_start, coalesce(min(counters.leased), 0) AS leased,"
    " coalesce(sum(CASE unit WHEN 'concurrent' THEN granted ELSE greatest(0, granted - spent) END), 0) AS held"
    " FROM unnest(CAST(:scopes AS text[]), CAST(:starts AS timestamptz[])) AS wanted (scope, window_start)"
    " LEFT JOIN counters USING (scope, window_start)"
    " LEFT JOIN (SELECT * FROM leases WHERE closed_at IS NULL) AS leases USING (scope, window_start)"
    " GROUP BY scope, window_start"
)
_FAR = text("SELECT scope, window_start FROM counters WHERE leased < -1152921504606846976 LIMIT 1000")
_REBASE = text(
    "UPDATE counters SET leased = 0 FROM unnest(CAST(:scopes AS text[]), CAST(:starts AS timestamptz[]))"
    " AS wanted (scope, window_start)"
    " WHERE counters.scope = wanted.scope AND counters.window_start = wanted.window_start"
)


def run_of(reign: str) -> str:
    """The run of Redis that counts in this reign."""
    return reign.partition(".")[0]


class BaseRows:
    """Rows and locks of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def lock_to_lend(self, keys: Sequence[CounterKey]) -> str:
        """Until this transaction ends nobody works these figures out anew, and the reign that this returns lasts;
        others may lend meanwhile.
        """
        # Before any counter's lock, as who begins a reign goes on to count; and before the reign is read.
        await self._session.execute(_SERVE)
        row = (await self._session.execute(_LEND, _named(keys))).first()
        return "" if row is None else row[1] or ""

    async def begin_reign(self, run: str) -> None:
        """This run of Redis counts from now on, unless it does already. Waits for all who lend, and holds them up until
        this transaction ends.
        """
        await self._session.execute(_RULE)
        if run_of(await holder_of(self._session, _NAME) or "") != run:
            await hold_name(self._session, _NAME, f"{run}.{token_hex(8)}")

    async def lock_to_count(self, keys: Sequence[CounterKey]) -> None:
        """Once this returns, whoever lent from these counters has committed or rolled back, and nobody lends."""
        await self._session.execute(_COUNT, _named(keys))

    async def held(self, keys: Sequence[CounterKey]) -> dict[CounterKey, tuple[int, int]]:
        """For each counter its column `leased`, and what its open leases hold."""
        rows = await self._session.execute(_BASES, _columns(keys))
        return {CounterKey(row.scope, row.window_start): (row.leased, int(row.held)) for row in rows}

    async def far_below_zero(self) -> list[CounterKey]:
        """Counters whose column `leased` has come nearer to the end of 64 bits than is comfortable."""
        return sorted(CounterKey(row.scope, row.window_start) for row in await self._session.execute(_FAR))

    async def rebase(self, keys: Sequence[CounterKey]) -> None:
        """Set their column `leased` to 0."""
        await self._session.execute(_REBASE, _columns(keys))


def _columns(keys: Sequence[CounterKey]) -> dict[str, Any]:
    return {"scopes": [key.scope for key in keys], "starts": [key.window_start for key in keys]}


def _named(keys: Sequence[CounterKey]) -> dict[str, Any]:
    return {"scopes": [key.scope for key in keys], "starts": [key.window_start.isoformat() for key in keys]}
