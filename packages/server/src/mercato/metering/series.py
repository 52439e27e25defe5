"""Usage over time: any figure, by up to two groups, in any time zone, beside the period before, with a forecast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from mercato.identity import Caller, Permission, keys_of_lineage, newest_keys
from mercato.metering.forecast import FORECAST_REACH, Forecast, Forecasting
from mercato.metering.latency import BUCKETS, quantile_us
from mercato.metering.refusals import FilterRefused, GroupRefused, SeriesTooLong
from mercato.metering.rollup_models import MEASURES
from mercato.metering.series_rows import GROUPS, SeriesFilter, SeriesRows
from mercato.metering.steps import Step, Steps, before, find_zone, steps_of
from mercato.metering.usage import Side
from mercato.metering.window_rows import WindowRows
from mercato.metering.windows_made import WindowsMade
from mercato.platform import Clock, Malformed, Session

SeriesGroup = Literal[
    "service", "release", "operation", "key", "subscription", "consumer", "vendor", "status", "protocol"
]
Metric = Literal[
    "calls", "billed", "failed", "tokens_in", "tokens_out", "tokens_cached", "bytes_in", "bytes_out", "duration_us",
    "included", "price_nanos", "unpaid_nanos", "adjusted_nanos", "charged_nanos", "error_rate_bp", "mean_us",
    "p50_us", "p95_us", "p99_us",
]  # fmt: skip
_QUANTILES = {"p50_us": 5_000, "p95_us": 9_500, "p99_us": 9_900}
_MOST_FIGURES = 200_000
_MOST_GROUPS = 20_000
_FEW_STEPS = 4

# A vendor does not learn the keys of those who call.
GROUPS_OF: dict[Side, frozenset[SeriesGroup]] = {
    "consumer": frozenset(get_args(SeriesGroup)) - {"consumer"},
    "vendor": frozenset(get_args(SeriesGroup)) - {"vendor", "key"},
    "marketplace": frozenset(get_args(SeriesGroup)) - {"key"},
}


@dataclass(frozen=True, slots=True)
class SeriesWanted:
    """What is asked. `where` narrows by the values of groups; `top` series at most, the largest by the first metric."""

    side: Side
    since: datetime
    until: datetime
    step: Step = "day"
    zone: str = "UTC"
    metrics: tuple[Metric, ...] = ("calls",)
    groups: tuple[SeriesGroup, ...] = ()
    where: dict[SeriesGroup, str] = field(default_factory=dict)
    top: int = 20
    compare: bool = False
    forecast: bool = False


@dataclass(slots=True)
class Line:
    """One series: what its calls share, a figure for each step by metric, and for all of them together."""

    keys: tuple[str, ...]
    currency: str
    values: dict[str, list[int]]
    total: dict[str, int]
    before: dict[str, list[int]] | None = None
    before_total: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """`lines` by group, `totals` by currency of all calls, those of groups left out too."""

    steps: Steps
    lines: list[Line]
    totals: list[Line]
    groups: int
    forecasts: list[Forecast]


class Summing:
    """Makes series from the sums of quarter hours and days."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._rows = SeriesRows(session)
        self._made = WindowsMade(WindowRows(session))

    async def series(self, caller: Caller, wanted: SeriesWanted) -> Series:
        """Raises `ZoneUnknown`, `PeriodRefused`, `SeriesTooLong`, `GroupRefused`, `FilterRefused`."""
        whose = await self._scope(caller, wanted)
        zone = find_zone(wanted.zone)
        steps = steps_of(zone, wanted.step, wanted.since, wanted.until)
        if _count(steps, wanted) > _MOST_FIGURES:
            raise SeriesTooLong(
                f"Steps, series and metrics together are more than {_MOST_FIGURES} figures.", most=_MOST_FIGURES
            )
        earlier = before(zone, wanted.step, steps) if wanted.compare else None
        if wanted.step in ("day", "week", "month"):
            await self._made.note_zone(wanted.zone, self._clock.now())
        # All that is read below lies in it, so that what is made of its days is asked once.
        first = min(steps.since, earlier.since if earlier else steps.since)
        await self._made.know(first - FORECAST_REACH if wanted.forecast else first, steps.until)
        if wanted.groups and not _is_wide(wanted, steps):
            lines, totals, groups = await self._at_once(whose, wanted, steps, earlier)
        else:
            names, groups = await self._largest(whose, wanted, steps)
            totals = await self._lines(whose, wanted, steps, earlier, ())
            lines = await self._lines(whose, wanted, steps, earlier, wanted.groups, names) if names else []
        forecasts: list[Forecast] = []
        if wanted.forecast:
            forecasting = Forecasting(self._rows, self._made, self._clock, measures_of(wanted.metrics))
            forecasts = await forecasting.forecast(whose, zone, steps)
        return Series(steps, lines, totals, groups, forecasts)

    async def _scope(self, caller: Caller, wanted: SeriesWanted) -> SeriesFilter:
        caller.require(Permission.MARKETPLACE_READ if wanted.side == "marketplace" else Permission.USAGE_READ)
        _require_offsets(wanted)
        allowed = GROUPS_OF[wanted.side]
        if len(set(wanted.groups)) != len(wanted.groups) or not allowed.issuperset(wanted.groups):
            text = f"The {wanted.side}'s usage is not grouped by {' and '.join(wanted.groups)}."
            raise GroupRefused(text, groups=sorted(allowed))
        if not allowed.issuperset(wanted.where):
            hidden = sorted(set(wanted.where) - allowed)
            raise FilterRefused(f"The {wanted.side}'s usage is not narrowed by {', '.join(hidden)}.", hidden=hidden)
        equal: dict[str, str | int] = {GROUPS[name]: value for name, value in wanted.where.items()}
        if "status_class" in equal:
            equal["status_class"] = int(equal["status_class"])
        if wanted.side != "marketplace":
            equal[f"{wanted.side}_id"] = caller.organisation_id
        among: dict[str, list[str]] = {}
        if "key_id" in equal:
            key_id = str(equal.pop("key_id"))
            among["key_id"] = await keys_of_lineage(self._session, caller.organisation_id, key_id)
        return SeriesFilter(equal, among)

    async def _at_once(
        self, whose: SeriesFilter, wanted: SeriesWanted, steps: Steps, earlier: Steps | None
    ) -> tuple[list[Line], list[Line], int]:
        """Where groups are few, one reading of all of them gives the largest and the totals."""
        now, then = await self._both(whose, wanted, steps, earlier, wanted.groups, None)
        now = await self._renamed(wanted, now)
        then = None if then is None else await self._renamed(wanted, then)
        sizes = {
            key: sum(found.whole()[0].get(name, 0) for name in _sizes(wanted.metrics[0])) for key, found in now.items()
        }
        kept = sorted(sizes, key=lambda key: (-sizes[key], key))[: wanted.top]
        lines = _lines_of({key: now[key] for key in kept}, then, wanted, steps)
        totals = _lines_of(_together(now), None if then is None else _together(then), wanted, steps, everything=True)
        return lines, totals, len(now)

    async def _renamed(self, wanted: SeriesWanted, found: "_Groups") -> "_Groups":
        """A key and those that it was rotated from are one group, under the newest."""
        if "key" not in wanted.groups:
            return found
        place = wanted.groups.index("key")
        newest = await newest_keys(self._session, {key[place] for key in found})
        merged: _Groups = {}
        for key, sums in found.items():
            name = tuple(newest.get(one, one) for one in key)
            merged.setdefault(name, _Sums()).merge(sums)
        return merged

    async def _largest(
        self, whose: SeriesFilter, wanted: SeriesWanted, steps: Steps
    ) -> tuple[dict[tuple[str, ...], tuple[str, ...]], int]:
        """The groups shown: what the rows say, and what is shown for it; and how many there are in all."""
        if not wanted.groups:
            return {}, 0
        columns = [GROUPS[name] for name in wanted.groups]
        sources = await self._made.sources(whose, columns, (steps.since, steps.until))
        sizes = await self._rows.totals(whose, sources, columns, _sizes(wanted.metrics[0]), _MOST_GROUPS)
        newest: dict[str, str] = {}
        if "key" in wanted.groups:
            place = wanted.groups.index("key")
            newest = await newest_keys(self._session, {key[place] for key, _ in sizes})
        shown: dict[tuple[str, ...], int] = {}
        names: dict[tuple[str, ...], tuple[str, ...]] = {}
        for key, size in sizes:
            name = tuple(newest.get(one, one) for one in key)
            names[key] = name
            shown[name] = shown.get(name, 0) + size
        kept = sorted(shown, key=lambda name: (-shown[name], name))[: wanted.top]
        return {key: name for key, name in names.items() if name in set(kept)}, len(shown)

    async def _lines(
        self, whose: SeriesFilter, wanted: SeriesWanted, steps: Steps, earlier: Steps | None,
        groups: Sequence[SeriesGroup], names: dict[tuple[str, ...], tuple[str, ...]] | None = None,
    ) -> list[Line]:  # fmt: skip
        now, then = await self._both(whose, wanted, steps, earlier, groups, names)
        return _lines_of(now, then, wanted, steps, everything=True)

    async def _both(
        self, whose: SeriesFilter, wanted: SeriesWanted, steps: Steps, earlier: Steps | None,
        groups: Sequence[SeriesGroup], names: dict[tuple[str, ...], tuple[str, ...]] | None,
    ) -> tuple["_Groups", "_Groups | None"]:  # fmt: skip
        """The period, and the one before: in one reading where the one begins as the other ends."""
        if earlier is None:
            return await self._figures(whose, wanted, steps.bounds, groups, names), None
        if earlier.until != steps.since:
            now = await self._figures(whose, wanted, steps.bounds, groups, names)
            return now, await self._figures(whose, wanted, earlier.bounds, groups, names)
        whole = await self._figures(whose, wanted, (*earlier.bounds, *steps.bounds[1:]), groups, names)
        return _parted(whole, len(earlier.starts))

    async def _figures(
        self, whose: SeriesFilter, wanted: SeriesWanted, bounds: Sequence[datetime], groups: Sequence[SeriesGroup],
        names: dict[tuple[str, ...], tuple[str, ...]] | None,
    ) -> "_Groups":  # fmt: skip
        columns = [GROUPS[name] for name in groups]
        only = None if names is None else sorted(names)
        if only and "consumer" in groups:
            consumers = sorted({key[groups.index("consumer")] for key in only})
            sources = await self._made.sources_of_consumers(whose, columns, bounds, consumers)
        else:
            sources = await self._made.sources(whose, columns, bounds)
        found: _Groups = {}
        measures = measures_of(wanted.metrics)
        latencies: list[tuple[int, tuple[str, ...], int, int]] = []
        if _QUANTILES.keys() & set(wanted.metrics):
            rows, latencies = await self._rows.sums_and_latencies(whose, sources, bounds, measures, columns, only)
        else:
            rows = await self._rows.sums(whose, sources, bounds, measures, columns, only)
        for step, key, sums in rows:
            one = found.setdefault((names or {}).get(key, key), _Sums())
            one.add(step, dict(zip(measures, sums, strict=True)))
        for step, key, bucket, count in latencies:
            found.setdefault((names or {}).get(key, key), _Sums()).count(step, bucket, count)
        return found


def count_figures(wanted: SeriesWanted) -> int:
    """How many figures the answer has at most. Raises `ZoneUnknown`, `PeriodRefused`, `SeriesTooLong`, `Malformed`."""
    _require_offsets(wanted)
    return _count(steps_of(find_zone(wanted.zone), wanted.step, wanted.since, wanted.until), wanted)


def _count(steps: Steps, wanted: SeriesWanted) -> int:
    lines = wanted.top if wanted.groups else 1
    return len(steps.starts) * len(wanted.metrics) * lines * (1 + wanted.compare)


def _require_offsets(wanted: SeriesWanted) -> None:
    if wanted.since.tzinfo is None or wanted.until.tzinfo is None:
        raise Malformed("Times carry their offset, such as 2026-11-01T00:00:00Z.")


def _is_wide(wanted: SeriesWanted, steps: Steps) -> bool:
    """Whether there may be so many groups that the largest are better found first: a figure for each step of each group
    would be read, and most of them dropped."""
    many = wanted.side == "marketplace" and not {"status", "protocol"}.issuperset(wanted.groups)
    # Latencies are dozens of figures for each step of each group.
    has_many_figures = len(steps.starts) > _FEW_STEPS or not _QUANTILES.keys().isdisjoint(wanted.metrics)
    return (many and has_many_figures) or len(steps.starts) > 400


def _lines_of(
    now: "_Groups", then: "_Groups | None", wanted: SeriesWanted, steps: Steps, *, everything: bool = False
) -> list[Line]:
    """A line for each group of now, the largest first; with `everything` also for those of the period before alone."""
    lines = []
    for key in sorted(now.keys() | (then.keys() if then and everything else set())):
        line = Line(key[:-1], key[-1], *_read(now.get(key), wanted.metrics, len(steps.starts)))
        if then is not None:
            line.before, line.before_total = _read(then.get(key), wanted.metrics, len(steps.starts))
        lines.append(line)
    return sorted(lines, key=lambda line: -line.total[wanted.metrics[0]]) if wanted.groups else lines


def _parted(whole: "_Groups", count: int) -> tuple["_Groups", "_Groups"]:
    """The steps from `count` on, and the first `count` ones."""
    now: _Groups = {}
    then: _Groups = {}
    for key, sums in whole.items():
        for step, values in sums.by_step.items():
            side, at = (now, step - count) if step >= count else (then, step)
            side.setdefault(key, _Sums()).by_step[at] = values
        for step, counts in sums.buckets.items():
            side, at = (now, step - count) if step >= count else (then, step)
            side.setdefault(key, _Sums()).buckets[at] = counts
    return now, then


def _together(groups: "_Groups") -> "_Groups":
    """All groups of a currency as one."""
    found: _Groups = {}
    for key, sums in groups.items():
        found.setdefault(key[-1:], _Sums()).merge(sums)
    return found


class _Sums:
    """The sums of one series by step, and its latencies."""

    def __init__(self) -> None:
        self.by_step: dict[int, dict[str, int]] = {}
        self.buckets: dict[int, list[int]] = {}

    def add(self, step: int, sums: dict[str, int]) -> None:
        earlier = self.by_step.get(step, {})
        self.by_step[step] = {name: value + earlier.get(name, 0) for name, value in sums.items()}

    def count(self, step: int, bucket: int, calls: int) -> None:
        self.buckets.setdefault(step, [0] * BUCKETS)[bucket] += calls

    def merge(self, other: "_Sums") -> None:
        """Both together."""
        for step, sums in other.by_step.items():
            self.add(step, sums)
        for step, counts in other.buckets.items():
            have = self.buckets.setdefault(step, [0] * BUCKETS)
            self.buckets[step] = [one + more for one, more in zip(have, counts, strict=True)]

    def whole(self) -> tuple[dict[str, int], list[int]]:
        """Of all steps."""
        sums: dict[str, int] = {}
        for step in self.by_step.values():
            for name, value in step.items():
                sums[name] = sums.get(name, 0) + value
        return sums, [sum(column) for column in zip(*self.buckets.values(), strict=True)]


_Groups = dict[tuple[str, ...], _Sums]
"""By the values of the groups, and the currency last."""
_NONE: dict[str, int] = {}


def _read(sums: _Sums | None, metrics: Sequence[Metric], count: int) -> tuple[dict[str, list[int]], dict[str, int]]:
    sums = sums or _Sums()
    whole, buckets = sums.whole()
    values: dict[str, list[int]] = {
        metric: [_figure(metric, sums.by_step.get(step, _NONE), sums.buckets.get(step, [])) for step in range(count)]
        for metric in metrics
    }
    return values, {metric: _figure(metric, whole, buckets) for metric in metrics}


_PARTS: dict[Metric, tuple[str, ...]] = {
    "charged_nanos": ("price_nanos", "adjusted_nanos"),
    "mean_us": ("duration_us", "calls"),
    "error_rate_bp": ("failed", "calls"),
}


def measures_of(metrics: Sequence[Metric]) -> list[str]:
    """What has to be added up for these metrics; quantiles are read from latencies."""
    wanted = {part for metric in metrics for part in _PARTS.get(metric, (metric,))}
    wanted |= set(_sizes(metrics[0]))
    return [name for name in MEASURES if name in wanted]


def _figure(metric: Metric, sums: Mapping[str, int], buckets: Sequence[int]) -> int:
    """One figure; 0 where there was no call."""
    if metric in _QUANTILES:
        return quantile_us(buckets, _QUANTILES[metric]) or 0
    if metric == "charged_nanos":
        return sums.get("price_nanos", 0) + sums.get("adjusted_nanos", 0)
    if metric in ("mean_us", "error_rate_bp"):
        calls = sums.get("calls", 0)
        part = sums.get("duration_us", 0) if metric == "mean_us" else sums.get("failed", 0) * 10_000
        return part // calls if calls else 0
    return sums.get(metric, 0)


def _sizes(metric: Metric) -> list[str]:
    """By which sums the largest groups are found."""
    if metric == "charged_nanos":
        return ["price_nanos", "adjusted_nanos"]
    if metric == "error_rate_bp":
        return ["failed"]
    return [metric] if metric in MEASURES else ["calls"]
