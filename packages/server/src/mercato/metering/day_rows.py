"""Rows of days and of blocks of days: what is over is added up once, so that long series read few rows, in the zones
that people ask for."""

import time
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from mercato.metering.refusals import ZoneUnknown
from mercato.metering.steps import find_zone, midnight_of
from mercato.metering.window_rows import WindowRows
from mercato.platform import Clock, Session

_SETTLED = timedelta(minutes=15)
"""So long after midnight no transaction is open any more that began on the day before (the database ends those)."""
_AT_ONCE = 3
_SECONDS_AT_ONCE = 5.0
"""Other chores wait meanwhile."""
_DAY = timedelta(days=1)
_ZONES_KEPT = timedelta(days=35)
_MOST_ZONES = 12
_DAYS_KEPT = 400


class DayRows:
    """Makes them, in the worker. May run twice, and beside intake: whatever comes in meanwhile marks its day."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._rows = WindowRows(session)
        self._clock = clock

    async def make_due(self) -> int:
        """The oldest days that have none, and those that were touched since, then blocks of days, then days of other
        zones; a few at a time. Returns how many."""
        began = time.monotonic()
        now = self._clock.now().astimezone(UTC)
        midnight = (now - _SETTLED).replace(hour=0, minute=0, second=0, microsecond=0)
        await self._rows.lock_days()
        touched = [day for day in await self._rows.take_touched(_AT_ONCE) if day < midnight.date()]
        days = {*touched, *await self._rows.missing_days(midnight, _AT_ONCE)}
        for day in sorted(days):
            await self._rows.make_day(day, now)
        if days:
            return len(days)
        first = await self._rows.first_quarter()
        if first is None:
            return 0
        since = max(first - _DAY, midnight - _DAYS_KEPT * _DAY)
        due = [(self._rows.make_block, start) for start in await self._rows.missing_blocks(since, midnight)]
        due += [(self._rows.make_window, start) for start in await self._missing_windows(since, midnight)]
        made = 0
        for make, start in due:
            await make(start, now)
            made += 1
            if time.monotonic() - began > _SECONDS_AT_ONCE:
                break
        return made

    async def _missing_windows(self, since: datetime, midnight: datetime) -> list[datetime]:
        """Days of zones that were asked for lately, the newest first. A day is over when the UTC days that it lies in
        are: usage that comes in later marks those."""
        zones = await self._rows.zones(midnight.date() - _ZONES_KEPT, _MOST_ZONES)
        made = await self._rows.windows_made(since)
        wanted = {start for name in zones for start in _days_of(name, since, midnight) if start not in made}
        return sorted(wanted, reverse=True)


def _days_of(name: str, since: datetime, until: datetime) -> list[datetime]:
    """Where the days of 24 hours begin in this zone that lie within, other than those of UTC."""
    try:
        zone: ZoneInfo = find_zone(name)
    except ZoneUnknown:
        return []  # the zone database lost a name
    day: date = since.astimezone(zone).date()
    found = []
    start = midnight_of(zone, day)
    while start + _DAY <= until:
        day += _DAY
        following = midnight_of(zone, day)
        # Days of 23 and 25 hours are read from quarter hours, and so are those of odd minutes long ago.
        if (
            following - start == _DAY
            and start >= since
            and start.minute % 15 == 0
            and (start.hour, start.minute) != (0, 0)
        ):
            found.append(start)
        start = following
    return found
