"""The SQL of rows of days: made anew from quarter hours, for days in UTC and as other time zones count them."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from mercato.metering.levels import (
    BLOCK,
    BLOCK_DAYS,
    BLOCK_SECONDS,
    BUSY,
    BUSY_WORTH_IT,
    DAY_SECONDS,
    LEAST_BUSY_ROWS,
    LEVELS,
    OF_BLOCKS,
    OF_QUARTERS,
    OF_ZONES,
    QUARTER_SECONDS,
    WORTH_IT,
    WORTH_IT_IN_ZONES,
)
from mercato.metering.rollup_models import (
    DIMENSIONS,
    MEASURES,
    UsageBlock,
    UsageDay,
    UsageDayState,
    UsageQuarter,
    UsageTouched,
    UsageWindow,
    UsageZone,
)
from mercato.platform import Session

_DAY = timedelta(days=1)
_DAY_ZERO = date(1970, 1, 1)
_NAMES = ", ".join((*DIMENSIONS, *MEASURES, "latency_at", "latency_n"))
_WITHIN = "start >= :begin AND start < :end"
_BUSY_ONES = (
    f" AND consumer_id IN (SELECT consumer_id FROM usage_quarter WHERE {_WITHIN}"  # noqa: S608  (our own names)
    f" GROUP BY consumer_id HAVING count(*) >= {LEAST_BUSY_ROWS})"
)
_WORTH_IT = "(SELECT count(*) FROM rows) * :worth <= (SELECT count(*) FROM base)"
_BUSY_WORTH_IT = (
    "consumer_id IN (SELECT consumer_id FROM (SELECT consumer_id, count(*) AS few FROM rows GROUP BY consumer_id) AS f"
    " JOIN (SELECT consumer_id, count(*) AS many FROM base GROUP BY consumer_id) AS m USING (consumer_id)"
    " WHERE few * :worth <= many)"
)


def _make(level: str, seconds: int, of_days: bool) -> Any:
    """The statement that adds quarter rows, or rows of days, up to this level and length."""
    kept = LEVELS[level]
    # Rows that share what is kept are one: the rest is empty.
    dimensions = ", ".join(
        name if name in kept else f"{'0::smallint' if name == 'status_class' else repr('')} AS {name}"
        for name in DIMENSIONS
    )
    start = "start" if seconds == QUARTER_SECONDS else "CAST(:begin AS timestamptz)"
    table = f"usage_days WHERE level = '{level}' AND seconds = {DAY_SECONDS} AND" if of_days else "usage_quarter WHERE"
    key = f"start, {', '.join(kept)}"
    sums = ", ".join(f"sum({name}) AS {name}" for name in MEASURES)
    return text(
        f"WITH base AS MATERIALIZED (SELECT {start} AS start, {', '.join(kept)}, {', '.join(MEASURES)},"  # noqa: S608
        f" latency_at, latency_n FROM {table} {_WITHIN}{_BUSY_ONES if level in BUSY else ''}),"
        f" whole AS (SELECT {key}, {sums} FROM base GROUP BY {key}),"
        f" buckets AS (SELECT {key}, array_agg(bucket ORDER BY bucket) AS latency_at,"
        f" array_agg(n ORDER BY bucket) AS latency_n FROM (SELECT {key}, bucket, sum(n)::int AS n"
        f" FROM base, unnest(latency_at, latency_n) AS one (bucket, n) GROUP BY {key}, bucket) AS b GROUP BY {key}),"
        f" rows AS (SELECT start, {dimensions}, {', '.join(MEASURES)}, coalesce(latency_at, '{{}}') AS latency_at,"
        f" coalesce(latency_n, '{{}}') AS latency_n FROM whole LEFT JOIN buckets USING ({key})),"
        f" made AS (INSERT INTO usage_days (level, seconds, start, shape, {_NAMES})"
        f" SELECT :level, :seconds, start, md5(concat_ws(chr(31), {', '.join(DIMENSIONS)}))::uuid, {_NAMES} FROM rows"
        # Rows that are read together lie together.
        f" WHERE {_BUSY_WORTH_IT if level in BUSY else _WORTH_IT} ORDER BY {', '.join(kept)} RETURNING 1)"
        " SELECT count(*) FROM made"
    )


_Kind = tuple[str, int, bool]
"""Level, length in seconds, and whether it is made of rows of days."""
_OF_DAY: list[_Kind] = [(level, DAY_SECONDS, False) for level in LEVELS]
_OF_DAY += [(level, QUARTER_SECONDS, False) for level in OF_QUARTERS]
_OF_BLOCK: list[_Kind] = [(level, BLOCK_SECONDS, of_days) for level in OF_BLOCKS for of_days in (False, True)]
_MAKE = {kind: _make(*kind) for kind in (*_OF_DAY, *_OF_BLOCK)}
_MISSING = text(
    "SELECT day FROM generate_series((SELECT date_trunc('day', min(start), 'UTC') FROM usage_quarter),"
    " CAST(:before AS timestamptz) - interval '1 day', interval '1 day') AS moment"
    " CROSS JOIN LATERAL (SELECT (moment AT TIME ZONE 'UTC')::date) AS of (day)"
    " WHERE NOT EXISTS (SELECT FROM usage_day_states WHERE usage_day_states.day = of.day) ORDER BY day LIMIT :most"
)
_MISSING_BLOCKS = text(
    "SELECT block.start FROM generate_series(CAST(:first AS timestamptz), CAST(:before AS timestamptz)"  # noqa: S608
    f" - interval '{BLOCK_DAYS} days', interval '{BLOCK_DAYS} days') AS block (start)"
    " CROSS JOIN LATERAL (SELECT array_agg(made_at ORDER BY day) AS made_at FROM usage_day_states"
    " WHERE day >= (block.start AT TIME ZONE 'UTC')::date"
    f" AND day < (block.start AT TIME ZONE 'UTC')::date + {BLOCK_DAYS}) AS days"
    f" WHERE cardinality(days.made_at) = {BLOCK_DAYS} AND NOT EXISTS (SELECT FROM usage_blocks"
    " WHERE usage_blocks.start = block.start AND usage_blocks.days_made_at = days.made_at) ORDER BY block.start"
)
# One question instead of five: every series asks it first. The last line makes room to add up in memory until the
# transaction ends, as what does not fit is sorted on the disk, and has nothing compiled, which takes longer than such
# questions do.
_MADE = text(
    "SELECT 'touched' AS kind, day, NULL::timestamptz AS start, NULL::jsonb AS made, NULL::timestamptz[] AS made_at"
    " FROM usage_touched WHERE day >= :first AND day <= :after GROUP BY day"
    " UNION ALL SELECT 'day', day, NULL, made, ARRAY[made_at] FROM usage_day_states"
    " WHERE day >= :first AND day <= :last"
    " UNION ALL SELECT 'window', NULL, start, made, NULL FROM usage_windows WHERE start >= :since AND start < :until"
    " UNION ALL SELECT 'block', NULL, start, made, days_made_at FROM usage_blocks"
    " WHERE start >= :since AND start < :until"
    " UNION ALL SELECT set_config('work_mem', '64MB', true) || set_config('jit', 'off', true), NULL, NULL, NULL, NULL"
)
# A look-up for each day of each: joined, all such rows would be read. The level is written out for the partial index.
_HAS_ROWS = {
    level: text(
        "SELECT consumer_id, start FROM unnest(CAST(:consumers AS text[])) AS who (consumer_id)"  # noqa: S608
        " CROSS JOIN unnest(CAST(:starts AS timestamptz[])) AS asked (start)"
        f" CROSS JOIN LATERAL (SELECT FROM usage_days AS own WHERE own.level = '{level}'"
        f" AND own.consumer_id = who.consumer_id AND own.seconds = {DAY_SECONDS} AND own.start = asked.start"
        " LIMIT 1) AS found"
    )
    for level in BUSY
}


class WindowRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def lock_days(self) -> None:
        """One worker at a time makes days, until the transaction ends."""
        await self._session.execute(text("SELECT pg_advisory_xact_lock(4017202632)"))

    async def missing_days(self, before: datetime, most: int) -> list[date]:
        """Days over before the midnight `before` whose rows were never made, the oldest first."""
        return list(await self._session.scalars(_MISSING, {"before": before, "most": most}))

    async def take_touched(self, most: int) -> list[date]:
        """Days that were touched since their rows were made; the marks that this transaction sees are gone, and what
        other zones and blocks made of these days is no longer true."""
        days = list(await self._session.scalars(select(UsageTouched.day).distinct().limit(most)))
        numbers = delete(UsageTouched).where(UsageTouched.day.in_(days)).returning(UsageTouched.number)
        await self._session.execute(numbers)
        for day in days:
            begin = _midnight(day)
            old = delete(UsageWindow).where(UsageWindow.start > begin - _DAY, UsageWindow.start < begin + _DAY)
            await self._session.execute(old)
            await self._session.execute(delete(UsageBlock).where(UsageBlock.start == block_of(day)))
        return sorted(days)

    async def make_day(self, day: date, at: datetime) -> None:
        """This day's rows anew, UTC, of each level and length that saves enough of them."""
        begin = _midnight(day)
        made = await self._make(begin, _OF_DAY, WORTH_IT)
        await self._session.merge(UsageDayState(day=day, made_at=at, made=made))
        await self._session.flush()

    async def make_window(self, start: datetime, at: datetime) -> None:
        """The rows of the 24 hours from `start` on, which is midnight somewhere else."""
        made = await self._make(start, [(level, DAY_SECONDS, False) for level in OF_ZONES], WORTH_IT_IN_ZONES)
        await self._session.merge(UsageWindow(start=start, made_at=at, made=made))
        await self._session.flush()

    async def make_block(self, start: datetime, at: datetime) -> None:
        """The rows of a block all of whose days are made, of each level that saves enough of what it is made of."""
        states = await self._session.scalars(
            select(UsageDayState)
            .where(UsageDayState.day >= start.date(), UsageDayState.day < (start + BLOCK).date())
            .order_by(UsageDayState.day)
        )
        days = list(states)
        kinds = [
            (level, BLOCK_SECONDS, all(f"{level}:{DAY_SECONDS}" in day.made for day in days)) for level in OF_BLOCKS
        ]
        made = await self._make(start, kinds, WORTH_IT)
        block = UsageBlock(start=start, made_at=at, days_made_at=[day.made_at for day in days], made=made)
        await self._session.merge(block)
        await self._session.flush()

    async def _make(self, begin: datetime, kinds: Sequence[_Kind], worth: int) -> list[str]:
        made: list[str] = []
        for level, seconds, of_days in kinds:
            end = begin + max(_DAY, timedelta(seconds=seconds))
            gone = delete(UsageDay).where(UsageDay.level == level, UsageDay.seconds == seconds)
            last = end - timedelta(seconds=seconds)
            await self._session.execute(gone.where(UsageDay.start >= begin, UsageDay.start <= last))
            values = {"level": level, "seconds": seconds, "begin": begin, "end": end}
            values["worth"] = BUSY_WORTH_IT if level in BUSY else worth
            if await self._session.scalar(_MAKE[level, seconds, of_days], values):
                made.append(f"{level}:{seconds}")
        return made

    async def made(self, since: datetime, until: datetime) -> dict[datetime, frozenset[str]]:
        """What is made, and true, of the days, of any zone, that begin in [`since`, `until`), and of the blocks that
        lie within."""
        first, last = since.astimezone(UTC).date(), until.astimezone(UTC).date()
        values = {"first": first, "last": last, "after": last + _DAY, "since": since, "until": until}
        rows = [tuple(row) for row in await self._session.execute(_MADE, values)]
        touched = {day for kind, day, *_ in rows if kind == "touched"}
        found: dict[datetime, frozenset[str]] = {}
        made_at: dict[datetime, datetime] = {}
        for kind, day, start, made, times in rows:
            if kind == "day" and day not in touched:
                found[_midnight(day)] = frozenset(made)
                made_at[_midnight(day)] = times[0]
            elif kind == "window":
                lies_in = start.astimezone(UTC).date()
                if touched.isdisjoint((lies_in, lies_in + _DAY)):
                    found[start] = frozenset(made)
        for kind, _, start, made, times in rows:
            if kind == "block" and times == [made_at.get(start + number * _DAY) for number in range(BLOCK_DAYS)]:
                found[start] |= frozenset(made)
        return found

    async def with_rows_of(
        self, consumers: Sequence[str], level: str, starts: Collection[datetime]
    ) -> set[tuple[str, datetime]]:
        """Which of these consumers have rows, of which of these days, of a level that only busy ones have."""
        values = {"starts": sorted(starts), "consumers": list(consumers)}
        return {(who, start) for who, start in await self._session.execute(_HAS_ROWS[level], values)}

    async def missing_blocks(self, since: datetime, before: datetime) -> list[datetime]:
        """Where the blocks begin that are over before the midnight `before`, whose days are all made, and that are not
        made of them; the oldest first."""
        values = {"first": block_of(since.astimezone(UTC).date()), "before": before}
        return list(await self._session.scalars(_MISSING_BLOCKS, values))

    async def windows_made(self, since: datetime) -> set[datetime]:
        """Where the days of other zones begin that are made."""
        return set(await self._session.scalars(select(UsageWindow.start).where(UsageWindow.start >= since)))

    async def first_quarter(self) -> datetime | None:
        """When usage begins."""
        return await self._session.scalar(select(func.min(UsageQuarter.start)))

    async def note_zone(self, zone: str, on: date) -> None:
        """Somebody asks for days of this zone; written once a day."""
        query = upsert(UsageZone).values(zone=zone, asked_on=on)
        later = query.on_conflict_do_update(
            index_elements=["zone"], set_={"asked_on": on}, where=UsageZone.asked_on < on
        )
        await self._session.execute(later)

    async def zones(self, since: date, most: int) -> list[str]:
        """The zones that were asked for since then, the latest first."""
        query = select(UsageZone.zone).where(UsageZone.asked_on >= since)
        return list(await self._session.scalars(query.order_by(UsageZone.asked_on.desc(), UsageZone.zone).limit(most)))


def block_of(day: date) -> datetime:
    """Where the block of this day begins."""
    return _midnight(day - (day - _DAY_ZERO) % BLOCK)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
