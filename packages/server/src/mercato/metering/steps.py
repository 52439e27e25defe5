"""Steps of a series in any time zone: quarter hours, hours, days, weeks and months as people there count them.

Offsets of time zones are whole quarter hours since long, so every step is made of whole quarter hours, UTC.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from mercato.metering.refusals import PeriodRefused, SeriesTooLong, ZoneUnknown

Step = Literal["15m", "hour", "day", "week", "month"]

QUARTER = timedelta(minutes=15)
MOST_STEPS = 3_000
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)


NO_ZONES = frozenset({"localtime", "posixrules", "Factory"})
"""Files of the zone database that mean something else on each machine, or nothing."""


def find_zone(name: str) -> ZoneInfo:
    """The IANA time zone of this name, such as `Asia/Kolkata`. Raises `ZoneUnknown`."""
    try:
        # No path, and no file of the zone database that is none of a zone.
        if name and not name.startswith(("/", ".")) and ".." not in name and name not in NO_ZONES:
            return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    raise ZoneUnknown(f"There is no time zone {name[:60]!r}.", zone=name[:60])


@dataclass(frozen=True, slots=True)
class Steps:
    """`bounds` are the starts of the steps and the end of the last one, UTC, ascending; the outer two may cut steps."""

    bounds: tuple[datetime, ...]

    @property
    def since(self) -> datetime:
        return self.bounds[0]

    @property
    def until(self) -> datetime:
        return self.bounds[-1]

    @property
    def starts(self) -> tuple[datetime, ...]:
        return self.bounds[:-1]

    def place(self, at: datetime) -> int:
        """The number of the step that `at` lies in, from 0."""
        return bisect_right(self.bounds, at) - 1


def steps_of(zone: ZoneInfo, step: Step, since: datetime, until: datetime) -> Steps:
    """The steps of [`since`, `until`), which is widened to whole quarter hours.

    Raises `PeriodRefused` where it is upside down, and `SeriesTooLong`.
    """
    begin, end = _check(since, until)
    bounds, moment = [begin], begin
    while moment < end:
        if len(bounds) > MOST_STEPS:
            raise SeriesTooLong(f"More than {MOST_STEPS} steps of {step}.", most=MOST_STEPS)
        moment = min(_next(zone, step, moment), end)
        bounds.append(moment)
    return Steps(tuple(bounds))


def before(zone: ZoneInfo, step: Step, steps: Steps) -> Steps:
    """As many steps just before, each beside the one that it is compared with."""
    count = len(steps.starts)
    bounds = [shift(zone, step, bound, -count) for bound in steps.bounds]
    # The clock going forward may make two bounds one: the earlier step is then empty.
    return Steps(tuple(max(bounds[: place + 1]) for place in range(len(bounds))))


def shift(zone: ZoneInfo, step: Step, at: datetime, count: int) -> datetime:
    """`at`, so many steps on, or back: days, weeks and months by the clock on the wall there."""
    if step in ("15m", "hour"):
        return at + count * (QUARTER if step == "15m" else _HOUR)
    local = at.astimezone(zone)
    if step == "month":
        months = local.year * 12 + local.month - 1 + count
        first = date(months // 12, months % 12 + 1, 1)
        last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        day = first.replace(day=min(local.day, last.day))
    else:
        day = local.date() + timedelta(days=count * (7 if step == "week" else 1))
    return datetime.combine(day, local.time(), zone).astimezone(UTC)


def _check(since: datetime, until: datetime) -> tuple[datetime, datetime]:
    if not _EARLIEST <= since < until <= _LATEST:
        raise PeriodRefused("The period ends before it begins, or lies outside the years 2000 to 2199.")
    begin, end = floor_quarter(since), floor_quarter(until)
    return begin, end if end == until else end + QUARTER


def floor_quarter(at: datetime) -> datetime:
    """The start of the quarter hour that `at` lies in, UTC."""
    moment = at.astimezone(UTC)
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def _next(zone: ZoneInfo, step: Step, at: datetime) -> datetime:
    """Where the step that `at` lies in ends."""
    if step == "15m":
        return at + QUARTER
    if step == "hour":
        return _next_hour(zone, at)
    local = at.astimezone(zone).date()
    if step == "day":
        day = local + timedelta(days=1)
    elif step == "week":
        day = local + timedelta(days=7 - local.weekday())
    else:
        day = (local.replace(day=1) + timedelta(days=32)).replace(day=1)
    end = midnight_of(zone, day)
    # A day that a place left out, as Samoa did in 2011, has no length.
    return end if end > at else midnight_of(zone, day + timedelta(days=1))


def _next_hour(zone: ZoneInfo, at: datetime) -> datetime:
    local, later = at.astimezone(zone), (at + _HOUR).astimezone(zone)
    if local.utcoffset() == later.utcoffset():
        return at + _HOUR - timedelta(minutes=local.minute)
    moment = at + QUARTER
    while (there := moment.astimezone(zone)).minute != 0 and there.utcoffset() == local.utcoffset():
        moment += QUARTER
    return moment


def midnight_of(zone: ZoneInfo, day: date) -> datetime:
    """The first moment of this day there. Where midnight is left out, the moment at which the clock went on."""
    return datetime.combine(day, datetime.min.time(), zone).astimezone(UTC)
