"""The SQL of counters and leases. Locks: counters first, in the order of their keys; leases only behind them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import TextClause, text

from mercato.adapters.counters_postgres.tally import CounterKey, Tally
from mercato.platform import Session

_MAKE = text(
    "INSERT INTO counters (scope, window_start)"
    " SELECT scope, window_start FROM unnest(CAST(:scopes AS text[]), CAST(:starts AS timestamptz[]))"
    ' AS wanted (scope, window_start) ORDER BY scope COLLATE "C", window_start ON CONFLICT DO NOTHING'
)
_LOCK = text(
    "SELECT counters.scope, counters.window_start, used, leased, level_micro, refilled_at"
    " FROM counters JOIN unnest(CAST(:scopes AS text[]), CAST(:starts AS timestamptz[]))"
    " AS wanted (scope, window_start) USING (scope, window_start)"
    ' ORDER BY counters.scope COLLATE "C", counters.window_start FOR UPDATE OF counters'
)
_READ = text(_LOCK.text.replace(" FOR UPDATE OF counters", ""))
_WRITE = text(
    "UPDATE counters SET used = new.used, leased = new.leased, level_micro = new.level_micro,"
    " refilled_at = new.refilled_at FROM json_populate_recordset(NULL::counters, CAST(:rows AS json)) AS new"
    " WHERE counters.scope = new.scope AND counters.window_start = new.window_start"
)
_ADD_LEASES = text(
    "INSERT INTO leases (id, gateway, life, batch, scope, window_start, unit, granted, spent, granted_at, expires_at)"
    " SELECT id, gateway, life, batch, scope, window_start, unit, granted, 0, granted_at, expires_at"
    " FROM json_populate_recordset(NULL::leases, CAST(:rows AS json))"
)
_FIND = text("SELECT id, scope, window_start FROM leases WHERE id = ANY(CAST(:ids AS text[]))")
_LEASES = text(
    "SELECT id, scope, window_start, unit, granted, spent, closed_at FROM leases"
    " WHERE id = ANY(CAST(:ids AS text[])) ORDER BY id"
)
_WRITE_LEASES = text(
    "UPDATE leases SET spent = new.spent, closed_at = new.closed_at"
    " FROM json_populate_recordset(NULL::leases, CAST(:rows AS json)) AS new WHERE leases.id = new.id"
)
# Once in a few seconds is enough to know who lives; a write a lease is not.
_SEEN = text(
    "INSERT INTO gateway_lives (gateway, life, seen_at) VALUES (:gateway, :life, :now)"
    " ON CONFLICT (gateway, life) DO UPDATE SET seen_at = excluded.seen_at"
    " WHERE gateway_lives.seen_at < CAST(:now AS timestamptz) - interval '5 seconds'"
)
_ALIVE = text(
    "SELECT count(DISTINCT gateway) FROM gateway_lives"
    " WHERE seen_at > CAST(:now AS timestamptz) - interval '15 seconds'"
)
_SHIPPED = text(
    "INSERT INTO gateway_lives (gateway, life, seen_at, shipped_to) VALUES (:gateway, :life, :now, :to)"
    " ON CONFLICT (gateway, life) DO UPDATE SET shipped_to = greatest(gateway_lives.shipped_to, excluded.shipped_to)"
)
_EARLIER = text('SELECT id FROM leases WHERE gateway = :gateway AND closed_at IS NULL AND life < :life COLLATE "C"')
_OF_BATCHES = text(
    "SELECT id FROM leases WHERE gateway = :gateway AND closed_at IS NULL AND life = :life"
    " AND batch = ANY(CAST(:batches AS text[]))"
)
# A later life ships only what it served itself once all spools of earlier ones were shipped: what these still hold was
# lent to an asking that was under way when its gateway died, after `recover` had looked.
_UNANSWERED = text(
    "SELECT DISTINCT leases.id FROM leases JOIN gateway_lives USING (gateway) WHERE closed_at IS NULL"
    " AND (gateway_lives.life = leases.life AND shipped_to > expires_at + interval '1 hour'"
    ' OR gateway_lives.life > leases.life COLLATE "C" AND shipped_to IS NOT NULL) LIMIT 1000'
)
_FORGET_LEASES = text("DELETE FROM leases WHERE closed_at < :before RETURNING 1")
_FORGET_COUNTERS = text(
    "DELETE FROM counters WHERE window_start < CAST(:before AS timestamptz) AND window_start > 'epoch'"
    " AND NOT EXISTS (SELECT FROM leases WHERE leases.scope = counters.scope"
    " AND leases.window_start = counters.window_start) RETURNING 1"
)


@dataclass(slots=True)
class LeaseRow:
    """A lease whose counter is locked."""

    id: str
    key: CounterKey
    unit: str
    granted: int
    spent: int
    closed_at: datetime | None


class CounterRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def lock(self, keys: Iterable[CounterKey]) -> dict[CounterKey, Tally]:
        """The counters of these keys, made where they are new, ours until the transaction ends.

        All are made before the first is locked, and both in one order: so no two transactions wait for each other.
        """
        wanted = _columns(keys)
        await self._session.execute(_MAKE, wanted)
        return await self._tallies(_LOCK, wanted)

    async def read(self, keys: Iterable[CounterKey]) -> dict[CounterKey, Tally]:
        """The counters of these keys that there are, not locked."""
        return await self._tallies(_READ, _columns(keys))

    async def write(self, tallies: Iterable[Tally]) -> None:
        """Write locked counters back."""
        rows = [
            {
                "scope": tally.key.scope,
                "window_start": tally.key.window_start,
                "used": tally.used,
                "leased": tally.leased,
                "level_micro": tally.level_micro,
                "refilled_at": tally.refilled_at,
            }
            for tally in tallies
        ]
        await self._write(_WRITE, rows)

    async def add_leases(self, rows: list[dict[str, Any]]) -> None:
        await self._write(_ADD_LEASES, rows)

    async def find(self, ids: Collection[str]) -> dict[str, CounterKey]:
        """What each lease is a slice of, which never changes."""
        if not ids:
            return {}
        rows = await self._session.execute(_FIND, {"ids": list(ids)})
        return {row.id: CounterKey(row.scope, row.window_start) for row in rows}

    async def leases(self, ids: Collection[str]) -> list[LeaseRow]:
        """To be changed only once their counters are locked: nobody else changes them then."""
        if not ids:
            return []
        rows = await self._session.execute(_LEASES, {"ids": list(ids)})
        return [
            LeaseRow(row.id, CounterKey(row.scope, row.window_start), row.unit, row.granted, row.spent, row.closed_at)
            for row in rows
        ]

    async def write_leases(self, leases: Iterable[LeaseRow]) -> None:
        rows = [{"id": lease.id, "spent": lease.spent, "closed_at": lease.closed_at} for lease in leases]
        await self._write(_WRITE_LEASES, rows)

    async def note_gateway(self, gateway: str, life: str, now: datetime) -> int:
        """This gateway lives; returns how many do."""
        await self._session.execute(_SEEN, {"gateway": gateway, "life": life, "now": now})
        alive = await self._session.scalar(_ALIVE, {"now": now})
        return max(1, int(alive or 0))

    async def note_shipped(self, gateway: str, life: str, to: datetime, now: datetime) -> None:
        """Everything of this life up to `to` has arrived."""
        await self._session.execute(_SHIPPED, {"gateway": gateway, "life": life, "to": to, "now": now})

    async def open_of_earlier_lives(self, gateway: str, life: str) -> list[str]:
        return list(await self._session.scalars(_EARLIER, {"gateway": gateway, "life": life}))

    async def open_of_batches(self, gateway: str, life: str, batches: Collection[str]) -> list[str]:
        return list(
            await self._session.scalars(_OF_BATCHES, {"gateway": gateway, "life": life, "batches": list(batches)})
        )

    async def unanswered(self) -> list[str]:
        return list(await self._session.scalars(_UNANSWERED))

    async def forget(self, before: datetime) -> int:
        leases = await self._session.execute(_FORGET_LEASES, {"before": before})
        counters = await self._session.execute(_FORGET_COUNTERS, {"before": before})
        return len(leases.all()) + len(counters.all())

    async def _tallies(self, query: TextClause, wanted: Mapping[str, Any]) -> dict[CounterKey, Tally]:
        found: dict[CounterKey, Tally] = {}
        for row in await self._session.execute(query, wanted):
            key = CounterKey(row.scope, row.window_start)
            found[key] = Tally(key, row.used, row.leased, row.level_micro, row.refilled_at)
        return found

    async def _write(self, query: TextClause, rows: list[dict[str, Any]]) -> None:
        if rows:
            await self._session.execute(query, {"rows": msgspec.json.encode(rows).decode()})


def _columns(keys: Iterable[CounterKey]) -> dict[str, Any]:
    wanted = sorted(set(keys))
    return {"scopes": [key.scope for key in wanted], "starts": [key.window_start for key in wanted]}
