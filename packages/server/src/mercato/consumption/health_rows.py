"""The SQL of services' health: counts are added in place, and read as sums."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

import msgspec
from sqlalchemy import Date, cast, delete, func, select, text

from mercato.consumption.models import ServiceHealth
from mercato.platform import Session

# In primary-key order, so two batches with the same rows wait for each other and never deadlock.
_ADD = text(
    "INSERT INTO service_health AS kept (service_id, release_id, seconds, start, calls, failed, latency)"
    " SELECT service_id, release_id, seconds, start, calls, failed, latency"
    " FROM json_populate_recordset(NULL::service_health, CAST(:rows AS json))"
    " ORDER BY service_id, seconds, start, release_id"
    " ON CONFLICT (service_id, seconds, start, release_id) DO UPDATE SET"
    " calls = kept.calls + excluded.calls, failed = kept.failed + excluded.failed,"
    " latency = (SELECT array_agg(had + came ORDER BY place)"
    " FROM unnest(kept.latency, excluded.latency) WITH ORDINALITY AS both_of(had, came, place))"
)
_STEPS = text(
    "WITH wanted AS MATERIALIZED (SELECT date_trunc(:step, start, 'UTC') AS step, calls, failed, latency"
    " FROM service_health WHERE service_id = :service AND seconds = 3600 AND start >= :since AND start < :until),"
    " buckets AS (SELECT step, place, sum(count) AS count"
    " FROM wanted, unnest(latency) WITH ORDINALITY AS bucket (count, place) GROUP BY step, place)"
    " SELECT step, sum(calls)::bigint, sum(failed)::bigint, (SELECT array_agg(count::bigint ORDER BY place)"
    " FROM buckets WHERE buckets.step = wanted.step) FROM wanted GROUP BY step"
)
_SUMS = text(
    "WITH wanted AS MATERIALIZED (SELECT kept.* FROM unnest(CAST(:seconds AS bigint[]),"
    " CAST(:since AS timestamptz[]), CAST(:until AS timestamptz[])) AS span (seconds, since, until)"
    " JOIN service_health AS kept ON kept.seconds = span.seconds AND kept.service_id = ANY(CAST(:services AS text[]))"
    " AND kept.start >= span.since AND kept.start < span.until),"
    " buckets AS (SELECT service_id, release_id, place, sum(count) AS count"
    " FROM wanted, unnest(latency) WITH ORDINALITY AS bucket (count, place) GROUP BY service_id, release_id, place),"
    " whole AS (SELECT service_id, release_id, sum(calls) AS calls, sum(failed) AS failed FROM wanted"
    " GROUP BY service_id, release_id)"
    " SELECT service_id, release_id, calls::bigint, failed::bigint, (SELECT array_agg(count::bigint ORDER BY place)"
    " FROM buckets WHERE buckets.service_id = whole.service_id AND buckets.release_id = whole.release_id)"
    " FROM whole ORDER BY service_id, release_id"
)


@dataclass(slots=True)
class Tally:
    """Calls of a release in one minute or hour: to be added, or as summed."""

    service_id: str
    release_id: str
    seconds: int
    start: datetime
    calls: int
    failed: int
    latency: list[int]


@dataclass(frozen=True, slots=True)
class HealthSum:
    """All calls of a release in the spans that were asked for."""

    service_id: str
    release_id: str
    calls: int
    failed: int
    latency: list[int]


class HealthRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, tallies: Sequence[Tally]) -> None:
        """Add these counts to those that are there."""
        rows = [asdict(tally) | {"start": tally.start.isoformat()} for tally in tallies]
        await self._session.execute(_ADD, {"rows": msgspec.json.encode(rows).decode()})

    async def sums(
        self, service_ids: Collection[str], spans: Sequence[tuple[int, datetime, datetime]]
    ) -> list[HealthSum]:
        """The health of these services in `spans`: rows of that many seconds, from one time until before another."""
        rows = await self._session.execute(
            _SUMS,
            {
                "services": sorted(service_ids),
                "seconds": [seconds for seconds, _, _ in spans],
                "since": [since for _, since, _ in spans],
                "until": [until for _, _, until in spans],
            },
        )
        return [HealthSum(row[0], row[1], row[2], row[3], list(row[4])) for row in rows]

    async def days(self, service_id: str, since: datetime) -> list[tuple[date, int, int]]:
        """Day, calls and failures, from the hours since."""
        day = cast(func.timezone("UTC", ServiceHealth.start), Date)
        rows = await self._session.execute(
            select(day, func.sum(ServiceHealth.calls), func.sum(ServiceHealth.failed))
            .where(ServiceHealth.service_id == service_id, ServiceHealth.seconds == 3600, ServiceHealth.start >= since)
            .group_by(day)
        )
        return [(row[0], int(row[1]), int(row[2])) for row in rows]

    async def steps(
        self, service_id: str, step: str, since: datetime, until: datetime
    ) -> dict[datetime, tuple[int, int, list[int]]]:
        """Calls, failures and latency buckets by the hour or day, UTC, that they began in; those without are left
        out."""
        values = {"service": service_id, "step": step, "since": since, "until": until}
        rows = await self._session.execute(_STEPS, values)
        return {row[0]: (row[1], row[2], list(row[3])) for row in rows}

    async def called_since(self, since: datetime) -> list[str]:
        """Services with a row of an hour that began since."""
        query = select(ServiceHealth.service_id).where(ServiceHealth.seconds == 3600, ServiceHealth.start >= since)
        return sorted(await self._session.scalars(query.distinct()))

    async def forget(self, seconds: int, before: datetime) -> int:
        """Delete rows of this length that began before; returns how many."""
        gone = await self._session.execute(
            delete(ServiceHealth)
            .where(ServiceHealth.seconds == seconds, ServiceHealth.start < before)
            .returning(ServiceHealth.start)
        )
        return len(gone.all())
