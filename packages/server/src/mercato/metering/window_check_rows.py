"""Do rows of days add up to the quarter hours that they are made of? The SQL, and what does not."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import TextClause, text

from mercato.metering.levels import BLOCK, BUSY
from mercato.metering.rollup_models import MEASURES
from mercato.metering.window_rows import WindowRows
from mercato.platform import Session

_DAY = timedelta(days=1)
_SUMS = ", ".join(f"coalesce(sum({name}), 0)::bigint" for name in MEASURES)
_LATENCIES = "coalesce(sum((SELECT sum(n) FROM unnest(latency_n) AS one (n))), 0)::bigint"
_OF_DAYS = text(
    f"SELECT currency, {_SUMS}, {_LATENCIES} FROM usage_days WHERE level = :level AND seconds = :seconds"  # noqa: S608
    " AND start >= :begin AND start <= :last GROUP BY currency"
)
_OF_QUARTERS = f"SELECT currency, {_SUMS}, {_LATENCIES} FROM usage_quarter WHERE start >= :begin AND start < :end"  # noqa: S608
_OF_EVERYBODY = text(f"{_OF_QUARTERS} GROUP BY currency")
_OF_THE_BUSY = text(
    f"{_OF_QUARTERS} AND consumer_id IN (SELECT consumer_id FROM usage_days WHERE level = :level"  # noqa: S608
    " AND seconds = :seconds AND start = :begin) GROUP BY currency"
)
_CALLS, _PRICE, _ADJUSTED = (1 + MEASURES.index(name) for name in ("calls", "price_nanos", "adjusted_nanos"))


@dataclass(frozen=True, slots=True)
class OddLevel:
    """Rows of a day that do not add up: what they say, and what the quarter hours do."""

    level: str
    start: datetime
    currency: str
    calls: int
    nanos: int
    quarter_calls: int
    quarter_nanos: int


class WindowCheck:
    """Compares every figure of every level, in one transaction of one moment."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = WindowRows(session)

    async def odd(self, day: date) -> list[OddLevel]:
        """Of the days, of any zone, and of the block that begin on this day, UTC, and are held to be true."""
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        found = []
        for start, made in (await self._rows.made(begin, begin + BLOCK)).items():
            if not begin <= start < begin + _DAY:
                continue
            everybody: dict[datetime, dict[str, tuple[int, ...]]] = {}
            for name in sorted(made):
                level, _, length = name.partition(":")
                end = start + max(_DAY, timedelta(seconds=int(length)))
                if end not in everybody:
                    everybody[end] = await self._sums(_OF_EVERYBODY, {"begin": start, "end": end})
                found += await self._odd(level, int(length), start, end, everybody[end])
        return found

    async def _odd(
        self, level: str, seconds: int, start: datetime, end: datetime, everybody: dict[str, tuple[int, ...]]
    ) -> list[OddLevel]:
        values = {"level": level, "seconds": seconds, "begin": start}
        days = await self._sums(_OF_DAYS, values | {"last": end - timedelta(seconds=seconds)})
        quarters = everybody
        if level in BUSY:
            quarters = await self._sums(_OF_THE_BUSY, values | {"end": end})
        nothing = (0,) * (_ADJUSTED + 1)
        return [
            OddLevel(
                level, start, currency, *_money(days.get(currency, nothing)), *_money(quarters.get(currency, nothing))
            )
            for currency in sorted(days.keys() | quarters.keys())
            if days.get(currency) != quarters.get(currency)
        ]

    async def _sums(self, query: TextClause, values: dict[str, object]) -> dict[str, tuple[int, ...]]:
        rows = await self._session.execute(query, values)
        return {row[0]: tuple(row) for row in rows}


def _money(row: tuple[int, ...]) -> tuple[int, int]:
    return row[_CALLS], row[_PRICE] + row[_ADJUSTED]
