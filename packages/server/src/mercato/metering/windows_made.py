"""Which rows answer a question about a period: what is made of its days, and what of it the asked one has."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from mercato.metering.levels import BUSY, DAY_SECONDS
from mercato.metering.series_rows import SeriesFilter
from mercato.metering.window_plan import Source, levels_of, sources_of
from mercato.metering.window_rows import WindowRows


class WindowsMade:
    """Looks each period up once, and none that lies within one that it knows."""

    def __init__(self, rows: WindowRows) -> None:
        self._rows = rows
        self._known: dict[tuple[datetime, datetime], dict[datetime, frozenset[str]]] = {}

    async def sources(self, whose: SeriesFilter, columns: Sequence[str], bounds: Sequence[datetime]) -> list[Source]:
        """The fewest rows that make the steps between these bounds, by these columns."""
        return await self.sources_of_spans(whose, columns, list(pairwise(bounds)))

    async def sources_of_spans(
        self, whose: SeriesFilter, columns: Sequence[str], spans: Sequence[tuple[datetime, datetime]]
    ) -> list[Source]:
        """The same of steps that need not follow each other; they are in their order."""
        consumer = whose.equal.get("consumer_id")
        levels = levels_of({*whose.columns, *columns, "currency"}, of_consumer=consumer is not None)
        made = await self.know(spans[0][0], spans[-1][1])
        if consumer is not None:
            made = (await self._of_each([str(consumer)], levels, made))[str(consumer)]
        return sources_of(levels, spans, made)

    async def sources_of_consumers(
        self, whose: SeriesFilter, columns: Sequence[str], bounds: Sequence[datetime], consumers: Sequence[str]
    ) -> list[Source]:
        """The fewest rows that make the steps of each of a few consumers: some have days of their own."""
        levels = levels_of({*whose.columns, *columns, "currency"}, of_consumer=True)
        made = await self._of_each(consumers, levels, await self.know(bounds[0], bounds[-1]))
        found: dict[tuple[str | None, int], list[tuple[tuple[datetime, datetime], str]]] = {}
        for consumer in consumers:
            for one in sources_of(levels, list(pairwise(bounds)), made[consumer]):
                found.setdefault((one.level, one.seconds), []).extend((span, consumer) for span in one.spans)
        return [Source(level, seconds, *zip(*spans, strict=True)) for (level, seconds), spans in found.items()]

    async def note_zone(self, zone: str, at: datetime) -> None:
        """Days of this zone are asked for, and are worth keeping."""
        if zone != "UTC":
            await self._rows.note_zone(zone, at.astimezone(UTC).date())

    async def know(self, since: datetime, until: datetime) -> dict[datetime, frozenset[str]]:
        """What is made of the days of a period, and perhaps of some beside it."""
        for (begin, end), made in self._known.items():
            if begin <= since and until <= end:
                return made
        found = self._known[since, until] = await self._rows.made(since, until)
        return found

    async def _of_each(
        self, consumers: Sequence[str], levels: Sequence[str], made: dict[datetime, frozenset[str]]
    ) -> dict[str, dict[datetime, frozenset[str]]]:
        """What is made for each of them: without the levels of single consumers on days of which one has no such rows,
        because it is read from quarter hours there."""
        found = dict.fromkeys(consumers, made)
        for level in BUSY.intersection(levels):
            name = f"{level}:{DAY_SECONDS}"
            asked = [start for start, names in made.items() if name in names]
            have = await self._rows.with_rows_of(consumers, level, asked) if asked else set()
            lacking = frozenset({name})
            found = {
                one: {
                    start: names if (one, start) in have or name not in names else names - lacking
                    for start, names in of_one.items()
                }
                for one, of_one in found.items()
            }
        return found
