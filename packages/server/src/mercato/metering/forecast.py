"""What a period will come to: what was used so far, and what the same hours of the weeks before used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from mercato.metering.series_rows import SeriesFilter, SeriesRows
from mercato.metering.steps import QUARTER, Steps, floor_quarter, midnight_of, shift
from mercato.metering.windows_made import WindowsMade
from mercato.platform import Clock

_WEEK = timedelta(days=7)
_WEEKS = 4


@dataclass(frozen=True, slots=True)
class Forecast:
    """By metric, of one currency, to the period's end: so far, then expected, and the range of the weeks before.

    `method` is `same_weekdays` where whole weeks came before, `run_rate` where the usage asked for is younger than a
    week (as far as the four weeks before show), `none` where nothing is left of the period.
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
        """One for each currency that was used in the period or in the weeks before: as old as its own usage is."""
        now = min(max(floor_quarter(self._clock.now()) + QUARTER, steps.since), steps.until)
        so_far = await self._total(whose, steps.since, now)
        left = steps.until - now
        if left <= timedelta(0):
            return [Forecast(currency, "none", 0, sums, sums, sums, sums) for currency, sums in so_far.items()]
        firsts = await self._firsts(whose, zone, now)
        # What was used before those weeks, and not in them, is expected to stay unused.
        weeks = dict.fromkeys(so_far, _WEEKS)
        weeks |= {currency: min(_WEEKS, (now - first) // _WEEK) for currency, first in firsts.items()}
        most = max(weeks.values(), default=0)
        rests = await self._weeks(whose, zone, now, steps.until, most) if most else []
        found = []
        for currency in sorted(weeks):
            used = so_far.get(currency, dict.fromkeys(self._measures, 0))
            if weeks[currency] == 0:
                first = firsts[currency]
                lately = (await self._total(whose, first, now))[currency]
                found.append(_forecast(currency, 0, used, [_scale(lately, left, now - first)]))
            else:
                of_weeks = [week.get(currency, dict.fromkeys(self._measures, 0)) for week in rests[-weeks[currency] :]]
                found.append(_forecast(currency, weeks[currency], used, of_weeks))
        return found

    async def _firsts(self, whose: SeriesFilter, zone: ZoneInfo, now: datetime) -> dict[str, datetime]:
        """By currency, when the calls that are asked for begin, as far back as the weeks before are looked at.

        Sums of days say on which day, so that quarter rows of that day alone are read.
        """
        midnight = midnight_of(zone, now.astimezone(zone).date())
        days = [shift(zone, "day", midnight, -back) for back in range(_WEEKS * 7 + 1, -1, -1)]
        bounds = sorted({*(day for day in days if day < now), now})
        sources = await self._made.sources(whose, (), bounds)
        first_days: dict[str, int] = {}
        for step, key, (calls,) in await self._rows.sums(whose, sources, bounds, ["calls"]):
            if calls:
                first_days[key[-1]] = min(step, first_days.get(key[-1], step))
        found: dict[str, datetime] = {}
        for day in sorted(set(first_days.values())):
            begins = await self._rows.first_quarters(whose, bounds[day], bounds[day + 1])
            found |= {currency: at for currency, at in begins.items() if first_days.get(currency) == day}
        return found

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


def _forecast(currency: str, weeks: int, used: dict[str, int], rests: list[dict[str, int]]) -> Forecast:
    """What was used and what the rest would use, as each of `rests` says; one of a run rate where `weeks` is 0."""
    columns = {name: [rest[name] for rest in rests] for name in used}
    return Forecast(
        currency, "same_weekdays" if weeks else "run_rate", weeks, used,
        expected={name: used[name] + sum(values) // len(values) for name, values in columns.items()},
        low={name: used[name] + min(values) for name, values in columns.items()},
        high={name: used[name] + max(values) for name, values in columns.items()},
    )  # fmt: skip
