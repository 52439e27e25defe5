"""What the whole marketplace used over long spans: for figures that the worker makes, never for one organisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mercato.metering.history_rows import HistoryRows
from mercato.metering.series_rows import SeriesFilter, SeriesRows
from mercato.metering.window_rows import WindowRows
from mercato.metering.windows_made import WindowsMade
from mercato.platform import Session

_MEASURES = ("calls", "price_nanos", "adjusted_nanos")
_EVERYTHING = SeriesFilter(equal={})


@dataclass(frozen=True, slots=True)
class Used:
    """Calls in one step (from 0) and one currency, and what they were charged; of whom is empty for everybody's."""

    step: int
    whose: str
    currency: str
    calls: int
    charged_nanos: int


class MarketHistory:
    """Questions of one transaction. What they answer names organisations, and never leaves the rooms above."""

    def __init__(self, session: Session) -> None:
        self._sums = SeriesRows(session)
        self._made = WindowsMade(WindowRows(session))
        self._rows = HistoryRows(session)

    async def used(self, bounds: Sequence[datetime], by: Literal["consumer", "service"] | None = None) -> list[Used]:
        """In each step between these bounds, by consumer, by service, or of everybody."""
        groups = () if by is None else (f"{by}_id",)
        sources = await self._made.sources(_EVERYTHING, groups, bounds)
        found = await self._sums.sums(_EVERYTHING, sources, bounds, _MEASURES, groups)
        return sorted(
            (Used(step, key[0] if by else "", key[-1], calls, price + adjusted)
             for step, key, (calls, price, adjusted) in found),
            key=lambda used: (used.step, used.whose, used.currency),
        )  # fmt: skip

    async def first_calls_of(self, consumer_ids: Sequence[str]) -> dict[str, datetime]:
        """The quarter hour of each consumer's first call, as far as usage is kept."""
        return await self._rows.first_of_consumers(consumer_ids)

    async def first_calls_to(self, services: Sequence[tuple[str, str]]) -> dict[str, datetime]:
        """The same of services, given as vendor and service; calls of the vendor's own are left out."""
        return await self._rows.first_to_services(services)
