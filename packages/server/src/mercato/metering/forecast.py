"""What a period will come to: what was used so far, and what the same hours of the weeks before used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from mercato.metering.series_rows import SeriesFilter, SeriesRows
from mercato.metering.steps import QUARTER, Steps, floor_quarter, shift
from mercato.metering.windows_made import WindowsMade
from mercato.platform import Clock

_WEEK = timedelta(days=7)
_WEEKS = 4


@dataclass(frozen=True, slots=True)
class Forecast:
    """By metric, of one currency, to the period's end: so far, then expected, and the range of the weeks before.

    `method` is `same_weekdays` where whole weeks came before, `run_rate` where the usage is younger than a week,
    `none` where nothing is left of the period.
    """

    currency: str
    method: Literal["same_weekdays", "run_rate", "none"]
    weeks: int
    so_far: dict[str, int]
    expected: dict[str, int]
    low: dict[str, int]
    high: dict[str, int]


FORECAST_REACH = (_WEEKS + 1) * _WEEK
"""How far before a period a forecast of it may look."""


class Forecasting:
    """Reads the same sums as series do."""

    def __init__(self, rows: SeriesRows, made: WindowsMade, clock: Clock, measures: Sequence[str]) -> None:
        self._rows = rows
        self._made = made
        self._clock = clock
        self._measures = measures

    async def forecast(self, whose: SeriesFilter, zone: ZoneInfo, steps: Steps) -> list[Forecast]:
        """One for each currency that was used in the period or in the weeks before."""
        now = min(max(floor_quarter(self._clock.now()) + QUARTER, steps.since), steps.until)
        so_far = await self._total(whose, steps.since, now)
        first = await self._rows.first_quarter(whose)
        left = steps.until - now
        if first is None or left <= timedelta(0) or first >= now:
            return [Forecast(currency, "none", 0, sums, sums, sums, sums) for currency, sums in so_far.items()]
        weeks = min(_WEEKS, (now - first) // _WEEK)
        if weeks == 0:
            lately = await self._total(whose, first, now)
            rests = [{name: _scale(sums, left, now - first) for name, sums in lately.items()}]
            return _join(so_far, rests, "run_rate", 0, self._measures)
        rests = await self._weeks(whose, zone, now, steps.until, weeks)
        return _join(so_far, rests, "same_weekdays", weeks, self._measures)

    async def _weeks(
        self, whose: SeriesFilter, zone: ZoneInfo, now: datetime, until: datetime, weeks: int
    ) -> list[dict[str, dict[str, int]]]:
        """What the rest of the period would use, if it went as it did so many weeks back; of each in one question."""
        is_short = until - now <= _WEEK
        spans = []
        for back in range(weeks, 0, -1):
            end = shift(zone, "week", until, -back) if is_short else shift(zone, "week", now, 1 - back)
            begin = shift(zone, "week", now, -back)
            spans.append((begin, max(end, begin)))
        bounds = sorted({bound for span in spans for bound in span})
        found: list[dict[str, dict[str, int]]] = [{} for _ in spans]
        wanted = [span for span in spans if span[0] < span[1]]
        if not wanted:
            return found
        sources = await self._made.sources_of_spans(whose, (), wanted)
        by_begin = {begin: place for place, (begin, _) in enumerate(spans)}
        for step, key, sums in await self._rows.sums(whose, sources, bounds, self._measures):
            # A week's steps begin where it does: nothing between two weeks is read.
            found[by_begin[bounds[step]]][key[-1]] = dict(zip(self._measures, sums, strict=True))
        if is_short:
            return found
        return [{currency: _scale(sums, until - now, _WEEK) for currency, sums in week.items()} for week in found]

    async def _total(self, whose: SeriesFilter, since: datetime, until: datetime) -> dict[str, dict[str, int]]:
        if since >= until:
            return {}
        sources = await self._made.sources(whose, (), (since, until))
        found = await self._rows.sums(whose, sources, (since, until), self._measures)
        return {key[-1]: dict(zip(self._measures, sums, strict=True)) for _, key, sums in found}


def _scale(sums: dict[str, int], part: timedelta, whole: timedelta) -> dict[str, int]:
    return {name: value * (part // QUARTER) // (whole // QUARTER) for name, value in sums.items()}


def _join(
    so_far: dict[str, dict[str, int]],
    rests: list[dict[str, dict[str, int]]],
    method: Literal["same_weekdays", "run_rate"],
    weeks: int,
    measures: Sequence[str],
) -> list[Forecast]:
    nothing = dict.fromkeys(measures, 0)
    found = []
    for currency in sorted(so_far.keys() | {name for rest in rests for name in rest}):
        used = so_far.get(currency, nothing)
        of_weeks = [rest.get(currency, nothing) for rest in rests]
        columns = {name: [week[name] for week in of_weeks] for name in measures}
        found.append(
            Forecast(
                currency, method, weeks, used,
                expected={name: used[name] + sum(values) // len(values) for name, values in columns.items()},
                low={name: used[name] + min(values) for name, values in columns.items()},
                high={name: used[name] + max(values) for name, values in columns.items()},
            )
        )  # fmt: skip
    return found
