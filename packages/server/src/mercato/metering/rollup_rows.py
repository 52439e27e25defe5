"""The SQL that adds usage up: quarter rows in place as usage comes in, day rows anew from them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select, text

from mercato.metering.rollup_models import DIMENSIONS, MEASURES, UsageDay, UsageDayState, UsageQuarter, UsageTouched
from mercato.platform import Session

_NAMES = (*DIMENSIONS, *MEASURES, "latency_at", "latency_n")
_COLUMNS = f"start, slot, shape, {', '.join(_NAMES)}"
# In the order of the primary key, so that two batches with the same rows wait for each other and never deadlock.
_ADD = text(
    f"INSERT INTO usage_quarter AS kept ({_COLUMNS})"  # noqa: S608  (names of our own columns)
    f" SELECT {_COLUMNS} FROM json_populate_recordset(NULL::usage_quarter, CAST(:rows AS json))"
    " ORDER BY start, shape, slot ON CONFLICT (start, shape, slot) DO UPDATE SET "
    + ", ".join(f"{name} = kept.{name} + excluded.{name}" for name in MEASURES)
    + ", (latency_at, latency_n) = (SELECT coalesce(array_agg(bucket ORDER BY bucket), '{}'),"
    " coalesce(array_agg(n ORDER BY bucket), '{}') FROM (SELECT bucket, sum(n)::int AS n"
    " FROM unnest(kept.latency_at || excluded.latency_at, kept.latency_n || excluded.latency_n) AS one (bucket, n)"
    " GROUP BY bucket) AS both_of)"
)

LEVELS: dict[str, tuple[str, ...]] = {
    "call": DIMENSIONS,
    "vendor": ("consumer_id", "vendor_id", "service_id", "release_id", "status_class", "protocol", "currency"),
    "service": ("vendor_id", "service_id", "release_id", "status_class", "protocol", "currency"),
    "market": ("status_class", "protocol", "currency"),
}
"""What each level of the day rows keeps; the last ones are the smallest."""
DAY_SECONDS = 86_400
QUARTER_SECONDS = 900
LENGTHS: dict[str, tuple[int, ...]] = {
    "call": (DAY_SECONDS,),
    "vendor": (DAY_SECONDS,),
    "service": (DAY_SECONDS, QUARTER_SECONDS),
    "market": (DAY_SECONDS, QUARTER_SECONDS),
}


def _make(level: str, seconds: int) -> Any:
    """The statement that adds up a day's quarter rows to this level and length."""
    kept = LEVELS[level]
    # Rows that share what is kept are one: the rest is empty.
    dimensions = ", ".join(
        name if name in kept else f"{'0::smallint' if name == 'status_class' else repr('')} AS {name}"
        for name in DIMENSIONS
    )
    start = "CAST(:begin AS timestamptz)" if seconds == DAY_SECONDS else "start"
    key = f"start, {', '.join(kept)}"
    sums = ", ".join(f"sum({name}) AS {name}" for name in MEASURES)
    return text(
        f"WITH base AS MATERIALIZED (SELECT {start} AS start, {', '.join(kept)}, {', '.join(MEASURES)},"  # noqa: S608
        " latency_at, latency_n FROM usage_quarter WHERE start >= :begin AND start < :end),"
        f" whole AS (SELECT {key}, {sums} FROM base GROUP BY {key}),"
        f" buckets AS (SELECT {key}, array_agg(bucket ORDER BY bucket) AS latency_at,"
        f" array_agg(n ORDER BY bucket) AS latency_n FROM (SELECT {key}, bucket, sum(n)::int AS n"
        f" FROM base, unnest(latency_at, latency_n) AS one (bucket, n) GROUP BY {key}, bucket) AS b GROUP BY {key}),"
        f" rows AS (SELECT start, {dimensions}, {', '.join(MEASURES)}, coalesce(latency_at, '{{}}') AS latency_at,"
        f" coalesce(latency_n, '{{}}') AS latency_n FROM whole LEFT JOIN buckets USING ({key}))"
        f" INSERT INTO usage_days (level, seconds, start, shape, {', '.join(_NAMES)})"
        f" SELECT :level, :seconds, start, md5(concat_ws(chr(31), {', '.join(DIMENSIONS)}))::uuid, {', '.join(_NAMES)}"
        " FROM rows WHERE (SELECT count(*) FROM rows) * 2 <= (SELECT count(*) FROM base)"
        " RETURNING 1"
    )


_MAKE = {(level, seconds): _make(level, seconds) for level, lengths in LENGTHS.items() for seconds in lengths}
_MISSING = text(
    "SELECT day FROM generate_series((SELECT date_trunc('day', min(start), 'UTC') FROM usage_quarter),"
    " CAST(:before AS timestamptz) - interval '1 day', interval '1 day') AS moment"
    " CROSS JOIN LATERAL (SELECT (moment AT TIME ZONE 'UTC')::date) AS of (day)"
    " WHERE NOT EXISTS (SELECT FROM usage_day_states WHERE usage_day_states.day = of.day) ORDER BY day LIMIT :most"
)


class RollupRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add these counts to those that are there."""
        await self._session.execute(_ADD, {"rows": msgspec.json.encode(rows).decode()})

    async def touch(self, days: Sequence[date]) -> None:
        """These days' rows are made anew."""
        if days:
            await self._session.execute(insert(UsageTouched), [{"day": day} for day in days])

    async def lock_days(self) -> None:
        """One worker at a time makes days, until the transaction ends."""
        await self._session.execute(text("SELECT pg_advisory_xact_lock(4017202632)"))

    async def missing_days(self, before: datetime, most: int) -> list[date]:
        """Days over before the midnight `before` whose rows were never made, the oldest first."""
        return list(await self._session.scalars(_MISSING, {"before": before, "most": most}))

    async def take_touched(self, most: int) -> list[date]:
        """Days that were touched since their rows were made; the marks that this transaction sees are gone."""
        days = list(await self._session.scalars(select(UsageTouched.day).distinct().limit(most)))
        numbers = delete(UsageTouched).where(UsageTouched.day.in_(days)).returning(UsageTouched.number)
        await self._session.execute(numbers)
        return sorted(days)

    async def make_day(self, day: date, at: datetime) -> None:
        """This day's rows anew, from its quarter rows: of each level and length that saves at least half of them."""
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        end = begin + timedelta(days=1)
        made: list[str] = []
        for (level, seconds), statement in _MAKE.items():
            gone = delete(UsageDay).where(UsageDay.level == level, UsageDay.seconds == seconds)
            await self._session.execute(gone.where(UsageDay.start >= begin, UsageDay.start < end))
            values = {"level": level, "seconds": seconds, "begin": begin, "end": end}
            if (await self._session.scalars(statement, values)).first() is not None:
                made.append(f"{level}:{seconds}")
        await self._session.merge(UsageDayState(day=day, made_at=at, made=made))
        await self._session.flush()

    async def true_days(self, since: date, until: date) -> dict[date, frozenset[str]]:
        """What is made, and true, of the days in [`since`, `until`): names such as `market:86400`."""
        touched = select(UsageTouched.day).where(UsageTouched.day >= since, UsageTouched.day < until)
        query = select(UsageDayState.day, UsageDayState.made).where(
            UsageDayState.day >= since, UsageDayState.day < until, UsageDayState.day.not_in(touched)
        )
        return {row[0]: frozenset(row[1]) for row in await self._session.execute(query)}

    async def owed_sums(
        self, consumer_id: str, service_id: str, begin: datetime, end: datetime
    ) -> tuple[int, int, int]:
        """Calls and tokens of one consumer and service that were answered, of quarter rows."""
        rows = await self._session.execute(
            select(
                func.coalesce(func.sum(UsageQuarter.billed), 0),
                func.coalesce(func.sum(UsageQuarter.tokens_in), 0),
                func.coalesce(func.sum(UsageQuarter.tokens_out), 0),
            ).where(
                UsageQuarter.consumer_id == consumer_id,
                UsageQuarter.service_id == service_id,
                UsageQuarter.start >= begin,
                UsageQuarter.start < end,
                UsageQuarter.status_class.in_([1, 2, 3]),
            )
        )
        calls, into, out = rows.one()
        return int(calls), int(into), int(out)

    async def billed_sums(self, begin: datetime, end: datetime) -> dict[tuple[str, str, str, str], tuple[int, int]]:
        """Of quarter rows: calls that stand in the ledger and their price, by consumer, vendor, service, currency."""
        key = (UsageQuarter.consumer_id, UsageQuarter.vendor_id, UsageQuarter.service_id, UsageQuarter.currency)
        rows = await self._session.execute(
            select(*key, func.sum(UsageQuarter.billed), func.sum(UsageQuarter.price_nanos))
            .where(UsageQuarter.start >= begin, UsageQuarter.start < end)
            .group_by(*key)
            .having((func.sum(UsageQuarter.billed) != 0) | (func.sum(UsageQuarter.price_nanos) != 0))
        )
        return {(row[0], row[1], row[2], row[3]): (int(row[4]), int(row[5])) for row in rows}
