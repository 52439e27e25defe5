"""A marketplace that people try out has data: one round of the sample dataset is open, whoever asks and how often."""

from datetime import timedelta

from sqlalchemy import func, select

from mercato.datasets import Round, SampleRound
from mercato.datasets.models import StoredPanel
from tests.datasets.conftest import DataRoom


async def _keep(room: DataRoom) -> Round | None:
    return await SampleRound(room.database, room.clock, room.outbox, room.builder(), room.drafts()).keep_open()


async def test_the_first_time_builds_the_dataset_and_opens_a_round_and_the_next_changes_nothing(room: DataRoom) -> None:
    opened = await _keep(room)
    assert opened is not None
    assert (opened.number, opened.state) == (1, "open")
    assert await _keep(room) is None
    async with room.database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(StoredPanel)) == 1
        assert await session.scalar(select(func.count()).select_from(Round)) == 1


async def test_the_next_round_opens_when_the_last_one_is_over(room: DataRoom) -> None:
    first = await _keep(room)
    assert first is not None
    room.clock.advance(timedelta(hours=25))
    async with room.database.transaction() as session:
        assert await room.rounds(session).close_due() == 1
    second = await _keep(room)
    assert second is not None
    assert second.number == 2
    assert second.first_era > first.last_era


async def test_a_round_that_an_operator_opened_is_left_alone(room: DataRoom) -> None:
    await room.build()
    await room.open()
    assert await _keep(room) is None
