"""The SQL of series: sums of quarter and day rows, by step and group."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text

from mercato.metering.levels import QUARTER_SECONDS
from mercato.metering.rollup_models import UsageQuarter
from mercato.metering.window_plan import Source
from mercato.platform import Session

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
_INDEXED = ("consumer_id", "vendor_id")


@dataclass(frozen=True, slots=True)
class SeriesFilter:
    """Whose calls, and which: equal values by column, or one of several."""

    equal: dict[str, str | int]
    among: dict[str, list[str]] = field(default_factory=dict)

    @property
    def columns(self) -> set[str]:
        return {*self.equal, *self.among}


class SeriesRows:
    """Questions of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def sums(
        self, wanted: SeriesFilter, sources: Sequence[Source], bounds: Sequence[datetime],
        measures: Sequence[str], groups: Sequence[str] = (), only: Sequence[tuple[str, ...]] | None = None,
    ) -> list[tuple[int, tuple[str, ...], list[int]]]:  # fmt: skip
        """Step (from 0), then group values and currency, then the sums in the order of `measures`.

        `only` keeps these combinations of groups and currency.
        """
        columns = [*groups, "currency"]
        rows, values = _rows(wanted, sources, [*columns, *measures], only, columns)
        key = ", ".join(f"{name}::text" for name in columns)
        sums = ", ".join(f"sum({name})::bigint" for name in measures)
        query = text(
            f"SELECT width_bucket(start, CAST(:bounds AS timestamptz[])) - 1 AS step, {key}, {sums}"  # noqa: S608
            f" FROM ({rows}) AS rows GROUP BY step, {', '.join(columns)}"
        )
        found = await self._session.execute(query, values | {"bounds": list(bounds)})
        wide = 1 + len(columns)
        return [(row[0], tuple(row[1:wide]), list(row[wide:])) for row in found]

    async def totals(
        self, wanted: SeriesFilter, sources: Sequence[Source], groups: Sequence[str],
        measures: Sequence[str], most: int,
    ) -> list[tuple[tuple[str, ...], int]]:  # fmt: skip
        """Group values and currency with the sum of these measures, the largest first."""
        columns = [*groups, "currency"]
        rows, values = _rows(wanted, sources, [*columns, *measures], None, columns)
        key = ", ".join(f"{name}::text" for name in columns)
        size = " + ".join(f"sum({name})" for name in measures)
        query = text(
            f"SELECT {key}, ({size})::bigint AS size FROM ({rows}) AS rows"  # noqa: S608
            f" GROUP BY {', '.join(columns)} ORDER BY size DESC, {', '.join(columns)} LIMIT :most"
        )
        found = await self._session.execute(query, values | {"most": most})
        return [(tuple(row[:-1]), row[-1]) for row in found]

    async def sums_and_latencies(
        self, wanted: SeriesFilter, sources: Sequence[Source], bounds: Sequence[datetime],
        measures: Sequence[str], groups: Sequence[str] = (), only: Sequence[tuple[str, ...]] | None = None,
    ) -> tuple[list[tuple[int, tuple[str, ...], list[int]]], list[tuple[int, tuple[str, ...], int, int]]]:  # fmt: skip
        """What `sums` gives, and how many calls are in each bucket: step, group values and currency, bucket, calls."""
        columns = [*groups, "currency"]
        rows, values = _rows(wanted, sources, [*columns, *measures, "latency_at", "latency_n"], only, columns)
        key = ", ".join(f"{name}::text" for name in columns)
        step = "width_bucket(start, CAST(:bounds AS timestamptz[])) - 1 AS step"
        sums = ", ".join(f"sum({name})::bigint" for name in measures)
        nothing = ", ".join("NULL" for _ in measures[1:])
        query = text(
            f"SELECT {step}, {key}, NULL::int AS bucket, {sums} FROM ({rows}) AS rows"  # noqa: S608  (our own names)
            f" GROUP BY step, {', '.join(columns)}"
            f" UNION ALL SELECT {step}, {key}, bucket, sum(n)::bigint{f', {nothing}' if nothing else ''}"
            f" FROM ({rows}) AS rows, unnest(latency_at, latency_n) AS one (bucket, n)"
            f" GROUP BY step, {', '.join(columns)}, bucket"
        )
        wide = 1 + len(columns)
        added: list[tuple[int, tuple[str, ...], list[int]]] = []
        counted: list[tuple[int, tuple[str, ...], int, int]] = []
        for row in await self._session.execute(query, values | {"bounds": list(bounds)}):
            if row[wide] is None:
                added.append((row[0], tuple(row[1:wide]), list(row[wide + 1 :])))
            else:
                counted.append((row[0], tuple(row[1:wide]), row[wide], row[wide + 1]))
        return added, counted

    async def first_quarters(self, wanted: SeriesFilter, since: datetime, until: datetime) -> dict[str, datetime]:
        """By currency, the first quarter hour of the period that has a call of these. The period is short: its quarter
        rows are read."""
        query = select(UsageQuarter.currency, func.min(UsageQuarter.start))
        query = query.where(UsageQuarter.start >= since, UsageQuarter.start < until, UsageQuarter.calls > 0)
        for name, value in wanted.equal.items():
            query = query.where(getattr(UsageQuarter, name) == value)
        for name, several in wanted.among.items():
            query = query.where(getattr(UsageQuarter, name).in_(several))
        found = await self._session.execute(query.group_by(UsageQuarter.currency))
        return {row[0]: row[1] for row in found}


def _rows(
    wanted: SeriesFilter, sources: Sequence[Source], columns: Sequence[str],
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
    # The casts above hide a column from its index. A span's own consumer is better than all of them.
    listed = {
        name: f"{name} = ANY(CAST(:only_{place} AS text[]))"
        for place, name in enumerate(key)
        if name in _INDEXED and only is not None
    }
    parts = []
    for number, source in enumerate(sources):
        own = listed | {"consumer_id": "consumer_id = span.whose"} if source.consumers else listed
        query, places = _rows_of(source, number, columns, [*conditions, *own.values()])
        parts.append(query)
        values |= places
    return " UNION ALL ".join(parts), values


def _rows_of(
    source: Source, number: int, columns: Sequence[str], conditions: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """The rows of one source that fulfil the conditions, and where its spans are."""
    is_whole_days = source.level is not None and source.seconds != QUARTER_SECONDS
    is_of_each = bool(source.consumers)
    places: dict[str, Any] = {f"begins_{number}": [begin for begin, _ in source.spans]}
    if is_whole_days:
        # Days of other zones begin within.
        begin = "span.begins" if is_of_each else f"ANY(CAST(:begins_{number} AS timestamptz[]))"
        where = [*conditions, f"start = {begin}"]
    else:
        places[f"ends_{number}"] = [end for _, end in source.spans]
        where = [*conditions, f"start >= {_bound('begins', number, source)}"]
        where.append(f"start < {_bound('ends', number, source)}")
    if is_of_each:
        places[f"whose_{number}"] = list(source.consumers)
    if source.level is not None:
        # The level is ours, and written out: partial indexes name it.
        where += [f"level = '{source.level}'", f"seconds = {source.seconds}"]
    table = "usage_quarter" if source.level is None else "usage_days"
    query = f"SELECT start, {', '.join(columns)} FROM {table} WHERE {' AND '.join(where)}"  # noqa: S608
    if not is_of_each and (is_whole_days or len(source.spans) == 1):
        return query, places
    return _each_span(query, columns, number, is_whole_days, is_of_each), places


def _bound(name: str, number: int, source: Source) -> str:
    """Of one span the planner sees how long it is."""
    is_one = len(source.spans) == 1 and not source.consumers
    return f"(CAST(:{name}_{number} AS timestamptz[]))[1]" if is_one else f"span.{name}"


def _each_span(query: str, columns: Sequence[str], number: int, is_whole_days: bool, is_of_each: bool) -> str:
    arrays = {"begins": "timestamptz"} if is_whole_days else {"begins": "timestamptz", "ends": "timestamptz"}
    if is_of_each:
        arrays["whose"] = "text"
    given = ", ".join(f"CAST(:{name}_{number} AS {kind}[])" for name, kind in arrays.items())
    # `OFFSET 0` keeps it a look-up for each span: joined, all rows of the table would be compared with all spans.
    return (
        f"SELECT start, {', '.join(columns)} FROM unnest({given}) AS span ({', '.join(arrays)})"  # noqa: S608
        f" CROSS JOIN LATERAL ({query} OFFSET 0) AS found"
    )
