"""Which rows make a series: whole days that are added up where its steps allow them, quarter hours at the edges."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mercato.metering.levels import BUSY, DAY_SECONDS, LEVELS, QUARTER_SECONDS

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that together cover these spans; `level` is `None` for the quarter hours themselves.

    Rows of days are as long as their spans. Those of quarter hours lie within them.
    """

    level: str | None
    seconds: int
    spans: tuple[tuple[datetime, datetime], ...]


def levels_of(columns: Iterable[str], *, of_consumer: bool) -> list[str]:
    """The levels of day rows that keep all of these columns, the smallest first.

    Those of single consumers are of use where one consumer is asked for, and the wide ones are not then: few of its
    own rows would be looked for among everybody's.
    """
    wanted = set(columns)
    fitting = [name for name, kept in LEVELS.items() if wanted <= set(kept)]
    return [name for name in fitting if (name != "vendor" if of_consumer else name not in BUSY)]


def sources_of(
    levels: Sequence[str], steps: Iterable[tuple[datetime, datetime]], made: Mapping[datetime, frozenset[str]]
) -> list[Source]:
    """The fewest rows that make these steps, each from its begin to its end.

    `made` has the starts of days, of any zone, that are added up and true, with the names of what is made of each, such
    as `market:86400`.
    """
    days = {start: level for start, names in made.items() if (level := _first(levels, DAY_SECONDS, names)) is not None}
    starts = sorted(days)
    spans: dict[tuple[str | None, int], list[tuple[datetime, datetime]]] = {}
    for begin, end in steps:
        at = begin
        while at < end:
            level = days.get(at)
            if level is not None and at + DAY <= end:
                spans.setdefault((level, DAY_SECONDS), []).append((at, at + DAY))
                at += DAY
                continue
            place = bisect_right(starts, at)
            following = starts[place] if place < len(starts) else end
            until = following if following + DAY <= end else end
            _add_quarters(spans, levels, at, until, made)
            at = until
    return [Source(level, seconds, tuple(found)) for (level, seconds), found in spans.items()]


def _add_quarters(
    spans: dict[tuple[str | None, int], list[tuple[datetime, datetime]]], levels: Sequence[str], begin: datetime,
    end: datetime, made: Mapping[datetime, frozenset[str]],
) -> None:  # fmt: skip
    """What no whole day covers: rows of less detail where the day has them, by UTC."""
    at = begin
    while at < end:
        midnight = at.astimezone(UTC).replace(hour=0, minute=0)
        until = min(midnight + DAY, end)
        level = _first(levels, QUARTER_SECONDS, made.get(midnight, frozenset()))
        found = spans.setdefault((level, QUARTER_SECONDS), [])
        if found and found[-1][1] == at:
            found[-1] = found[-1][0], until
        else:
            found.append((at, until))
        at = until


def _first(levels: Sequence[str], seconds: int, names: frozenset[str]) -> str | None:
    return next((level for level in levels if f"{level}:{seconds}" in names), None)
