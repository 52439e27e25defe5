"""Steps in any time zone: without a gap, in order, each beginning where people there begin it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.metering.steps import Step, before, floor_quarter, steps_of

_QUARTERS = st.integers(0, 35_040 * 2).map(lambda n: datetime(2025, 1, 1, tzinfo=UTC) + n * timedelta(minutes=15))
_STEPS = st.sampled_from(["15m", "hour", "day", "week", "month"])
_ZONES = st.sampled_from(sorted(name for name in available_timezones() if name != "localtime"))


@given(
    since=_QUARTERS,
    quarters=st.integers(1, 2_000),
    name=_ZONES,
    step=st.sampled_from(["15m", "hour", "day", "week", "month"]),
)
@settings(deadline=None, max_examples=400)
def test_steps_cover_the_period_and_begin_where_people_begin_them(
    since: datetime, quarters: int, name: str, step: Step
) -> None:
    zone, until = ZoneInfo(name), since + quarters * timedelta(minutes=15)
    steps = steps_of(zone, step, since, until)
    assert (steps.since, steps.until) == (since, until)
    assert all(one < other and floor_quarter(other) == other for one, other in pairwise(steps.bounds))
    for bound in steps.bounds[1:-1]:
        local, last = bound.astimezone(zone), (bound - timedelta(minutes=15)).astimezone(zone)
        if step == "hour":
            assert local.hour != last.hour or local.utcoffset() != last.utcoffset()
        elif step != "15m":
            assert local.date() != last.date()
            assert step != "week" or local.weekday() == 0
            assert step != "month" or local.day == 1
    earlier = before(zone, step, steps)
    assert len(earlier.bounds) == len(steps.bounds)
    assert earlier.until <= steps.until
    assert all(one <= other for one, other in pairwise(earlier.bounds))


def test_a_day_that_a_place_left_out_has_no_step() -> None:
    apia = ZoneInfo("Pacific/Apia")
    since = datetime(2011, 12, 28, tzinfo=apia).astimezone(UTC)
    steps = steps_of(apia, "day", since, since + timedelta(days=4))
    assert [start.astimezone(apia).day for start in steps.starts] == [28, 29, 31, 1]


def test_the_months_before_are_months() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    since, until = (datetime(2026, month, 1, tzinfo=berlin).astimezone(UTC) for month in (3, 5))
    earlier = before(berlin, "month", steps_of(berlin, "month", since, until))
    assert [bound.astimezone(berlin).strftime("%m-%d %H:%M") for bound in earlier.bounds] == [
        "01-01 00:00", "02-01 00:00", "03-01 00:00",
    ]  # fmt: skip
