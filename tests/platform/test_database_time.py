"""Processes whose machine's clock is wrong take the database's time."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from mercato.platform import Database, SystemClock, compare_time, time_kept

HOUR = timedelta(hours=1)


class Machine:
    """A machine's clock that is wrong by `ahead`."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def is_now(at: datetime) -> bool:
    """Within what a loaded machine may take between two lines."""
    return abs(at - datetime.now(UTC)) < timedelta(minutes=5)


@pytest.mark.parametrize("ahead", [HOUR, -HOUR, timedelta(days=400)])
async def test_a_clock_that_is_wrong_is_not_used_until_it_is_right(database: Database, ahead: timedelta) -> None:
    machine = Machine(ahead)
    clock = SystemClock(machine)
    assert not is_now(clock.now())
    with capture_logs() as lines:
        await compare_time(clock, database)
        await compare_time(clock, database)
    assert is_now(clock.now())
    assert clock.is_corrected
    assert [round(line["seconds_ahead"] / 60) for line in lines] == [round(ahead.total_seconds() / 60)]
    machine.ahead = timedelta()
    assert is_now(clock.now())  # a machine that is set meanwhile moves nothing
    with capture_logs() as lines:
        await compare_time(clock, database)
    assert not clock.is_corrected
    assert len(lines) == 1


async def test_a_clock_that_is_nearly_right_is_used(database: Database) -> None:
    clock = SystemClock(Machine(timedelta(seconds=4)))
    await compare_time(clock, database)
    assert not clock.is_corrected


async def test_time_is_right_before_a_process_serves(database: Database) -> None:
    clock = SystemClock(Machine(HOUR))
    async with time_kept(clock, database):
        assert is_now(clock.now())


async def test_without_a_database_a_process_starts_by_its_own_clock() -> None:
    away = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    clock = SystemClock(Machine(HOUR))
    async with asyncio.timeout(600), time_kept(clock, away):
        assert not clock.is_corrected
    await away.close()


def test_a_slow_answer_does_not_make_a_clock_wrong() -> None:
    clock = SystemClock(lambda: datetime(2026, 1, 1, tzinfo=UTC))
    began = asyncio.new_event_loop().time()
    clock.hear(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=20), began - 40, began)
    assert not clock.is_corrected
