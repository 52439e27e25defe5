"""Day rows: what is over is added up once, so that long series read few rows."""

from datetime import UTC, timedelta

from mercato.metering.rollup_rows import RollupRows
from mercato.platform import Clock, Session

_SETTLED = timedelta(minutes=15)
"""So long after midnight no transaction is open any more that began on the day before (the database ends those)."""
_AT_ONCE = 3


class DayRows:
    """Makes them, in the worker. May run twice, and beside intake: whatever comes in meanwhile marks its day."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._rows = RollupRows(session)
        self._clock = clock

    async def make_due(self) -> int:
        """The oldest days that have none, and those that were touched since; a few at a time. Returns how many days."""
        now = self._clock.now().astimezone(UTC)
        midnight = (now - _SETTLED).replace(hour=0, minute=0, second=0, microsecond=0)
        await self._rows.lock_days()
        touched = [day for day in await self._rows.take_touched(_AT_ONCE) if day < midnight.date()]
        days = {*touched, *await self._rows.missing_days(midnight, _AT_ONCE)}
        for day in sorted(days):
            await self._rows.make_day(day, now)
        return len(days)
