"""The SQL of series: sums of quarter and day rows, by step and group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text

from mercato.metering.rollup_models import UsageQuarter
from mercato.metering.rollup_rows import DAY_SECONDS, LEVELS, QUARTER_SECONDS
from mercato.platform import Session

_DAY = timedelta(days=1)
_MOST_SPANS = 24
GROUPS: dict[str, str] = {
    "service": "service_id",
    "release": "release_id",
    "operation": "operation",
    "key": "key_id",
    "subscription": "subscription_id",
    "consumer": "consumer_id",
    "vendor": "vendor_id",
    "status": "status_class",
    "protocol": "protocol",
}
"""What a series can be grouped by, and the column of each."""


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """Whose calls, and which: equal values by column, or one of several."""

    equal: dict[str, str | int]
    among: dict[str, list[str]] = field(default_factory=dict)

    @property
    def columns(self) -> set[str]:
        return {*self.equal, *self.among}


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one table and length that together cover [`begin`, `end`)."""

    seconds: int
    is_day_table: bool
    begin: datetime
    end: datetime


def level_of(columns: set[str]) -> str:
    """The smallest level of day rows that keeps all of these columns."""
    return min((name for name, kept in LEVELS.items() if columns <= set(kept)), key=lambda name: len(LEVELS[name]))


def sources_of(level: str, bounds: Sequence[datetime], true_days: Mapping[date, frozenset[str]]) -> list[Source]:
    """The fewest rows that make these steps: whole days where their rows are true and no step cuts them."""
    begin, end = bounds[0], bounds[-1]
    cuts = {bound.date() for bound in bounds if bound != bound.replace(hour=0, minute=0)}
    found: list[Source] = []
    at = begin
    while at < end:
        midnight = at.replace(hour=0, minute=0)
        until = min(midnight + _DAY, end)
        is_whole = at == midnight and until == midnight + _DAY
        one = Source(QUARTER_SECONDS, False, at, until)
        made = true_days.get(midnight.date(), frozenset())
        if is_whole and midnight.date() not in cuts and f"{level}:{DAY_SECONDS}" in made:
            one = Source(DAY_SECONDS, True, at, until)
        elif f"{level}:{QUARTER_SECONDS}" in made:
            one = Source(QUARTER_SECONDS, True, at, until)
        last = found[-1] if found else None
        if last is not None and (last.seconds, last.is_day_table) == (one.seconds, one.is_day_table):
            found[-1] = Source(last.seconds, last.is_day_table, last.begin, one.end)
        else:
            found.append(one)
        at = until
    return found if len(found) <= _MOST_SPANS else [Source(QUARTER_SECONDS, False, begin, end)]


class SeriesRows:
    """Questions of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def sums(
        self, wanted: SeriesFilter, sources: Sequence[Source], level: str, bounds: Sequence[datetime],
        measures: Sequence[str], groups: Sequence[str] = (), only: Sequence[tuple[str, ...]] | None = None,
    ) -> list[tuple[int, tuple[str, ...], list[int]]]:  # fmt: skip
        """Step (from 0), then group values and currency, then the sums in the order of `measures`.

        `only` keeps these combinations of groups and currency.
        """
        columns = [*groups, "currency"]
        rows, values = _rows(wanted, sources, level, [*columns, *measures], only, columns)
        key = ", ".join(f"{name}::text" for name in columns)
        sums = ", ".join(f"sum({name})::bigint" for name in measures)
        query = text(
            f"SELECT width_bucket(start, CAST(:bounds AS timestamptz[])) - 1 AS step, {key}, {sums}"  # noqa: S608
            f" FROM ({rows}) AS rows GROUP BY step, {', '.join(columns)}"
        )
        found = await self._session.execute(query, values | {"bounds": list(bounds)})
        wide = 1 + len(columns)
        return [(row[0], tuple(row[1:wide]), list(row[wide:])) for row in found]

    async def widen(self) -> None:
        """Room to add up in memory until the transaction ends: what does not fit is sorted on the disk."""
        await self._session.execute(text("SET LOCAL work_mem = '64MB'"))

    async def totals(
        self, wanted: SeriesFilter, sources: Sequence[Source], level: str, groups: Sequence[str],
        measures: Sequence[str], most: int,
    ) -> list[tuple[tuple[str, ...], int]]:  # fmt: skip
        """Group values and currency with the sum of these measures, the largest first."""
        columns = [*groups, "currency"]
        rows, values = _rows(wanted, sources, level, [*columns, *measures], None, columns)
        key = ", ".join(f"{name}::text" for name in columns)
        size = " + ".join(f"sum({name})" for name in measures)
        query = text(
            f"SELECT {key}, ({size})::bigint AS size FROM ({rows}) AS rows"  # noqa: S608
            f" GROUP BY {', '.join(columns)} ORDER BY size DESC, {', '.join(columns)} LIMIT :most"
        )
        found = await self._session.execute(query, values | {"most": most})
        return [(tuple(row[:-1]), row[-1]) for row in found]

    async def latencies(
        self, wanted: SeriesFilter, sources: Sequence[Source], level: str, bounds: Sequence[datetime],
        groups: Sequence[str] = (), only: Sequence[tuple[str, ...]] | None = None,
    ) -> list[tuple[int, tuple[str, ...], int, int]]:  # fmt: skip
        """Step, group values and currency, bucket, how many calls are in it."""
        columns = [*groups, "currency"]
        rows, values = _rows(wanted, sources, level, [*columns, "latency_at", "latency_n"], only, columns)
        key = ", ".join(f"{name}::text" for name in columns)
        query = text(
            f"SELECT width_bucket(start, CAST(:bounds AS timestamptz[])) - 1 AS step, {key}, bucket,"  # noqa: S608
            f" sum(n)::bigint FROM ({rows}) AS rows, unnest(latency_at, latency_n) AS one (bucket, n)"
            f" GROUP BY step, {', '.join(columns)}, bucket"
        )
        found = await self._session.execute(query, values | {"bounds": list(bounds)})
        return [(row[0], tuple(row[1:-2]), row[-2], row[-1]) for row in found]

    async def first_quarter(self, wanted: SeriesFilter) -> datetime | None:
        """When the calls of this organisation, or everybody's, begin."""
        query = select(func.min(UsageQuarter.start))
        for name in ("consumer_id", "vendor_id"):
            if name in wanted.equal:
                query = query.where(getattr(UsageQuarter, name) == wanted.equal[name])
        return await self._session.scalar(query)


def _rows(
    wanted: SeriesFilter, sources: Sequence[Source], level: str, columns: Sequence[str],
    only: Sequence[tuple[str, ...]] | None, key: Sequence[str],
) -> tuple[str, dict[str, Any]]:  # fmt: skip
    """The rows of all sources, and the values of their parameters. Names are our own columns."""
    values: dict[str, Any] = {f"of_{name}": value for name, value in wanted.equal.items()}
    values |= {f"among_{name}": list(several) for name, several in wanted.among.items()}
    conditions = [f"{name} = :of_{name}" for name in wanted.equal]
    conditions += [f"{name} = ANY(CAST(:among_{name} AS text[]))" for name in wanted.among]
    if only is not None:
        values |= {f"only_{place}": [one[place] for one in only] for place in range(len(key))}
        arrays = ", ".join(f"CAST(:only_{place} AS text[])" for place in range(len(key)))
        conditions.append(f"({', '.join(f'{name}::text' for name in key)}) IN (SELECT * FROM unnest({arrays}))")  # noqa: S608
    parts = []
    for number, source in enumerate(sources):
        values |= {f"begin_{number}": source.begin, f"end_{number}": source.end}
        where = [*conditions, f"start >= :begin_{number}", f"start < :end_{number}"]
        if source.is_day_table:
            # The level is ours, and written out: partial indexes name it.
            where += [f"level = '{level}'", f"seconds = {source.seconds}"]
        table = "usage_days" if source.is_day_table else "usage_quarter"
        parts.append(f"SELECT start, {', '.join(columns)} FROM {table} WHERE {' AND '.join(where)}")  # noqa: S608
    return " UNION ALL ".join(parts), values
