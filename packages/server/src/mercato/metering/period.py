"""What was used in a period, as other rooms check it: events, sums, and counters that do not fit them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from mercato.identity import Directory
from mercato.metering.period_rows import PeriodRows
from mercato.platform import Session

SumKey = tuple[date, str, str, str, str]
"""Day, consumer, vendor, service, currency."""


@dataclass(frozen=True, slots=True)
class OddCounter:
    """A counter of the window from `start` on that shows `used`, where the events say `least` to `most`."""

    scope: str
    start: datetime
    used: int
    least: int
    most: int


class PeriodUsage:
    """Answers within one transaction, about the events of [`begin`, `end`)."""

    def __init__(self, session: Session) -> None:
        self._rows = PeriodRows(session)
        self._directory = Directory(session)

    def events(self, begin: datetime, end: datetime) -> AsyncIterator[Sequence[Any]]:
        """Pages of rows in the order of time: at, id, consumer, vendor, service, currency, plan, journal, status,
        included, tokens in, tokens out, nano-units. Plain rows, because a period may have millions.
        """
        return self._rows.events(begin, end)

    async def sums(self, begin: datetime, end: datetime) -> dict[SumKey, tuple[int, int]]:
        """Calls and nano-units of billable events."""
        return await self._rows.sums(begin, end)

    async def journals(self, begin: datetime, end: datetime) -> dict[str, tuple[int, int]]:
        """Calls and nano-units of billable events by the journal that they were posted with."""
        return await self._rows.journals(begin, end)

    async def odd_counters(self, begin: datetime, end: datetime, most: int) -> list[OddCounter]:
        """At most `most` quotas and budgets of windows that begin in the period, whose count is not the events'."""
        lineages = await self._directory.later_lineages()
        return [OddCounter(*row) for row in await self._rows.counters(begin, end, lineages, most)]
