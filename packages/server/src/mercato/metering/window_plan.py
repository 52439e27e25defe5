"""Which rows make a series: whole days that are added up where its steps allow them, quarter hours at the edges."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mercato.metering.levels import BLOCK, BLOCK_SECONDS, BUSY, DAY_SECONDS, LEVELS, QUARTER_SECONDS

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that together cover these spans; `level` is `None` for the quarter hours themselves.

    Rows of days and of blocks are as long as their spans. Those of quarter hours lie within them. Where `consumers` are
    named, each span is read for the one in its place.
    """

    level: str | None
    seconds: int
    spans: tuple[tuple[datetime, datetime], ...]
    consumers: tuple[str, ...] = ()


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

    `made` has the starts of days, of any zone, and of blocks that are added up and true, with the names of what is made
    of each, such as `market:86400`.
    """
    days = _Starts(levels, DAY_SECONDS, made)
    # Eight days of a small level are fewer rows than a block of a larger one.
    blocks = _Starts(days.not_larger, BLOCK_SECONDS, made)
    spans: dict[tuple[str | None, int], list[tuple[datetime, datetime]]] = {}
    for begin, end in steps:
        at = begin
        while at < end:
            if (level := blocks.level_at(at, end)) is not None:
                spans.setdefault((level, BLOCK_SECONDS), []).append((at, at + BLOCK))
                at += BLOCK
                continue
            before = blocks.first_after(at, end)
            if (level := days.level_at(at, before)) is not None:
                spans.setdefault((level, DAY_SECONDS), []).append((at, at + DAY))
                at += DAY
                continue
            until = days.first_after(at, before)
            _add_quarters(spans, levels, at, until, made)
            at = until
    return [Source(level, seconds, tuple(found)) for (level, seconds), found in spans.items()]


class _Starts:
    """Where rows of one length begin, and of which level they are: the smallest of these levels."""

    def __init__(self, levels: Sequence[str], seconds: int, made: Mapping[datetime, frozenset[str]]) -> None:
        found = {start: _first(levels, seconds, names) for start, names in made.items()}
        self._levels = {start: level for start, level in found.items() if level is not None}
        self._starts = sorted(self._levels)
        smallest = min(map(levels.index, set(self._levels.values())), default=len(levels))
        self.not_larger = levels[: smallest + 1]
        self._length = timedelta(seconds=seconds)

    def level_at(self, at: datetime, end: datetime) -> str | None:
        """That of the rows which begin here and end by `end`."""
        return self._levels.get(at) if at + self._length <= end else None

    def first_after(self, at: datetime, end: datetime) -> datetime:
        """Where the next rows begin that end by `end`; else `end`."""
        place = bisect_right(self._starts, at)
        following = self._starts[place] if place < len(self._starts) else end
        return following if following + self._length <= end else end


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
