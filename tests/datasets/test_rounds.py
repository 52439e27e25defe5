"""Rounds go open, closed, scored, resolved, and never back, whoever asks at the same time."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from mercato.datasets import TARGETS, TRAIN, Panels
from mercato.datasets.refusals import (
    DatasetNotFound,
    EmbargoNotOver,
    ErasNotOffered,
    PanelDamaged,
    RoundInWrongState,
    RoundNotFound,
    RoundOpenAlready,
    ScoresDiffer,
)
from tests.datasets.conftest import DataRoom

STEPS = ("close", "score", "resolve")


async def rows(room: DataRoom, query: str) -> list[Any]:
    async with room.database.transaction() as session:
        return [row._asdict() for row in (await session.execute(text(query))).all()]


async def news(room: DataRoom) -> list[str]:
    return [row["topic"] for row in await rows(room, "select topic from outbox_events where topic like 'round.%'")]


async def test_building_again_makes_the_same_panel(room: DataRoom) -> None:
    first, again = await room.build(), await room.build()
    assert (first.is_new, again.is_new) == (True, False)
    assert first.panel.id == again.panel.id
    assert "Survivorship bias" in first.dataset.card
    assert len(await rows(room, "select id from panels")) == 1


async def test_many_who_build_at_once_end_up_with_one_dataset_and_one_panel(room: DataRoom) -> None:
    built = await asyncio.gather(*(room.build() for _ in range(4)))
    assert [each.is_new for each in built].count(True) == 1
    assert len({each.panel.id for each in built}) == 1
    assert (len(await rows(room, "select id from panels")), len(await rows(room, "select id from datasets"))) == (1, 1)


async def test_a_round_goes_its_way_and_every_step_is_kept_and_told(room: DataRoom) -> None:
    await room.build()
    opened = await room.open()
    assert (opened.number, opened.state, opened.train_last_era) == (1, "open", opened.first_era - 7)
    resolved = await room.through(opened.id)
    assert resolved.state == "resolved"
    kept = await rows(room, "select state, by from round_transitions")
    assert {row["state"]: row["by"] for row in kept} == {
        "open": "usr_operator", "closed": "usr_operator", "scored": "the desk", "resolved": "usr_operator",
    }  # fmt: skip
    assert await news(room) == ["round.opened", "round.closed", "round.scored", "round.resolved"]


@pytest.mark.parametrize(
    ("before", "refused"),
    [
        ((), ("score", "resolve")),
        (("close",), ("close", "resolve")),
        (("close", "score"), ("close",)),
        (("close", "score", "resolve"), ("close", "resolve")),
    ],
)
async def test_a_step_in_the_wrong_state_is_refused_and_changes_nothing(
    room: DataRoom, before: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    await room.build()
    round_id = (await room.open()).id
    for step in before:
        if step == "resolve":
            room.clock.advance(timedelta(days=6))
        await getattr(room, step)(round_id)
    was = (await rows(room, "select * from rounds"), await news(room))
    for step in refused:
        with pytest.raises(RoundInWrongState):
            await getattr(room, step)(round_id)
    assert (await rows(room, "select * from rounds"), await news(room)) == was


async def test_a_round_is_resolved_after_its_embargo_which_counts_from_its_close(room: DataRoom) -> None:
    await room.build()
    opened = await room.open()
    room.clock.advance(timedelta(minutes=20))  # 40 minutes earlier than planned
    closed = await room.close(opened.id)
    assert closed.embargo_until == room.clock.now() + timedelta(days=6)
    await room.score(opened.id)
    room.clock.advance(timedelta(days=6, seconds=-1))
    with pytest.raises(EmbargoNotOver):
        await room.resolve(opened.id)
    room.clock.advance(timedelta(seconds=1))
    assert (await room.resolve(opened.id)).state == "resolved"


async def test_scores_are_final(room: DataRoom) -> None:
    await room.build()
    round_id = (await room.open()).id
    await room.close(round_id)
    await room.score(round_id, "a" * 64)
    assert (await room.score(round_id, "a" * 64)).scores_sha256 == "a" * 64
    with pytest.raises(ScoresDiffer):
        await room.score(round_id, "b" * 64)
    assert await news(room) == ["round.opened", "round.closed", "round.scored"]


async def test_of_many_who_close_at_once_one_does_and_the_others_are_told(room: DataRoom) -> None:
    await room.build()
    round_id = (await room.open()).id
    ends = await asyncio.gather(*(room.close(round_id) for _ in range(12)), return_exceptions=True)
    assert sum(isinstance(end, RoundInWrongState) for end in ends) == 11
    assert await news(room) == ["round.opened", "round.closed"]


async def test_closing_and_resolving_by_the_clock_race_with_people_and_happen_once(room: DataRoom) -> None:
    await room.build()
    round_id = (await room.open()).id
    room.clock.advance(timedelta(hours=1))

    async def by_the_clock(step: str) -> int:
        async with room.database.transaction() as session:
            moved: int = await getattr(room.rounds(session), step)()
            return moved

    for by_clock, by_hand, state in (("close_due", room.close, "closed"), ("resolve_due", room.resolve, "resolved")):
        if state == "resolved":
            await room.score(round_id)
            room.clock.advance(timedelta(days=6))
        ends = await asyncio.gather(
            *(by_the_clock(by_clock) for _ in range(4)), *(by_hand(round_id) for _ in range(4)), return_exceptions=True
        )
        moved = sum(end for end in ends[:4] if isinstance(end, int))
        refused = sum(isinstance(end, RoundInWrongState) for end in ends[4:])
        assert moved + (4 - refused) == 1, ends
    assert await news(room) == ["round.opened", "round.closed", "round.scored", "round.resolved"]


async def test_the_clock_leaves_alone_what_is_not_due(room: DataRoom) -> None:
    await room.build()
    round_id = (await room.open()).id
    async with room.database.transaction() as session:
        assert await room.rounds(session).close_due() == 0
        assert await room.rounds(session).resolve_due() == 0
    await room.close(round_id)
    room.clock.advance(timedelta(days=60))
    async with room.database.transaction() as session:
        assert await room.rounds(session).resolve_due() == 0  # it was never scored


async def test_of_many_who_open_at_once_one_does(room: DataRoom) -> None:
    await room.build()
    ends = await asyncio.gather(*(room.open() for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(end, RoundOpenAlready) for end in ends) == 4, ends
    assert len(await rows(room, "select * from rounds")) == 1


async def test_the_next_round_follows_and_trains_on_nothing_that_is_secret(room: DataRoom) -> None:
    await room.build()
    first = await room.open()
    await room.close(first.id)
    second = await room.open()
    assert (second.number, second.first_era) == (2, first.last_era + 1)
    assert second.train_last_era == first.train_last_era  # the first one's targets are under embargo still
    await room.score(first.id)
    room.clock.advance(timedelta(days=6))
    await room.resolve(first.id)
    await room.close(second.id)
    third = await room.open()
    assert third.train_last_era == second.first_era - 7
    with pytest.raises(ErasNotOffered):
        await room.close(third.id)
        await room.open(first_era=third.last_era)


async def test_files_are_what_their_checksums_say_and_live_has_no_target(room: DataRoom) -> None:
    await room.build()
    opened = await room.open()
    files = await rows(room, "select name, object_key, bytes, sha256, rows from round_files order by name")
    assert [file["name"] for file in files] == ["live.parquet", TARGETS, TRAIN]
    for file in files:
        content = await room.store.get(file["object_key"])
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    assert [file["rows"] for file in files] == [100, 100, opened.train_last_era * 20]


async def test_the_marketplace_reads_the_panel_behind_a_round_and_notices_damage(room: DataRoom) -> None:
    built = await room.build()
    opened = await room.open()
    panels = Panels(room.database, room.store)
    panel = await panels.of_round(opened.id)
    assert len(panel.names(opened.first_era)) == 20
    content = await room.store.get(built.panel.object_key)
    await room.store.put(built.panel.object_key, content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(PanelDamaged):
        await panels.of_round(opened.id)
    await room.close(opened.id)
    with pytest.raises(PanelDamaged):
        await room.open()


async def test_what_is_not_there_is_refused(room: DataRoom) -> None:
    with pytest.raises(DatasetNotFound):
        await room.open()
    for step in STEPS:
        with pytest.raises(RoundNotFound):
            await getattr(room, step)("rnd_" + "0" * 32)
