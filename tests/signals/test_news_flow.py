"""News flows while the desk computes and files are read or written: no transaction is open then that has written."""

import asyncio
import json
import threading
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from mercato.adapters.objects_folder import LocalFolder
from mercato.adapters.signed_links import SignedLinks
from mercato.datasets import RoundDrafts
from mercato.deployments import Signatures
from mercato.platform import MarketplaceSecret, StoredObject
from mercato.signals import LiveRounds, RoundSettling, SignalStore, receive
from mercato_contracts.scores import RoundScores, ScoreInputs, score_round
from tests.conftest import People, TestClock
from tests.datasets.conftest import DataRoom
from tests.datasets.test_api import NAME, sign_in
from tests.signals.conftest import Desk
from tests.support.news_flow import news_flows

SECONDS = 60


class SlowStore(LocalFolder):
    """A folder whose reads and writes, once `begun`, take until `go`."""

    def __init__(self, folder: Path, clock: TestClock) -> None:
        super().__init__(folder, SignedLinks(MarketplaceSecret.of(b"s" * 32), clock), "http://mercato.test")
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def put(self, key: str, content: bytes | Path) -> StoredObject:
        self.begun.set()
        await self.go.wait()
        return await super().put(key, content)

    async def get(self, key: str, start: int = 0, stop: int | None = None) -> bytes:
        self.begun.set()
        await self.go.wait()
        return await super().get(key, start, stop)


@pytest.fixture
def slow_store(tmp_path: Path, clock: TestClock) -> SlowStore:
    """Over the files of this test."""
    return SlowStore(tmp_path / "state" / "objects", clock)


async def test_while_a_round_is_scored(desk: Desk) -> None:
    writer, found = await desk.writer("acme"), await desk.open()
    await desk.say(writer, found, 0.5)
    await desk.room.close(found.id)
    begun, go = threading.Event(), threading.Event()

    def score(inputs: ScoreInputs) -> RoundScores:
        begun.set()
        assert go.wait(SECONDS)
        return score_round(inputs)

    settling = RoundSettling(desk.database, desk.clock, desk.ids, desk.outbox, desk.store, b"n" * 32, score_round=score)
    await settling.agree(found.id)
    for era in range(found.first_era, found.last_era + 1):
        await settling.invest(found.id, era)
    # Two at once: both compute, one writes, and both answer the same.
    steps = [asyncio.create_task(settling.score(found.id)) for _ in range(2)]
    try:
        assert await asyncio.to_thread(begun.wait, SECONDS)
        assert await news_flows(desk.database, desk.outbox)
    finally:
        go.set()
    async with asyncio.timeout(SECONDS):
        first, second = await asyncio.gather(*steps)
    assert first == second == await desk.settling.score(found.id)


async def test_while_the_files_of_a_round_are_written(room: DataRoom, slow_store: SlowStore) -> None:
    await room.build()
    drafting = asyncio.create_task(RoundDrafts(room.database, room.ids, slow_store).draft(NAME))
    async with asyncio.timeout(SECONDS):
        await slow_store.begun.wait()
        assert await news_flows(room.database, room.outbox)
        slow_store.go.set()
        opened = await room.open_draft(await drafting)
    assert (opened.number, opened.state) == (1, "open")


async def test_while_a_panel_is_written(room: DataRoom, slow_store: SlowStore) -> None:
    building = asyncio.create_task(replace(room, store=slow_store).build())
    async with asyncio.timeout(SECONDS):
        await slow_store.begun.wait()
        assert await news_flows(room.database, room.outbox)
        slow_store.go.set()
        assert (await building).is_new


async def test_while_the_ids_of_a_round_are_read_for_its_first_signal(desk: Desk, slow_store: SlowStore) -> None:
    writer, found = await desk.writer("acme"), await desk.open()
    names = (await desk.panel_of(found)).names(found.first_era)
    body = json.dumps(desk.write(writer, found, found.first_era, dict.fromkeys(names, 0.5))).encode()
    receiving = asyncio.create_task(receive(desk.database, LiveRounds(slow_store), writer.caller, body))
    async with asyncio.timeout(SECONDS):
        await slow_store.begun.wait()
        assert await news_flows(desk.database, desk.outbox)
        slow_store.go.set()
        received = await receiving
    async with desk.database.transaction() as session:
        store = SignalStore(session, desk.clock, desk.ids, desk.outbox, Signatures(session))
        assert len(await store.take(writer.caller, received, writer.sign(body))) == 1


async def test_a_repeated_request_gets_the_round_that_the_first_one_opened(
    api: httpx.AsyncClient, room: DataRoom, people: People
) -> None:
    await room.build()
    headers = await sign_in(api, await people.operator())
    body = {"open_seconds": 3600, "embargo_seconds": 3600, "reason": "a test"}
    first, again = [
        await api.post(f"/api/datasets/{NAME}/rounds", json=body, headers={**headers, "Idempotency-Key": "once"})
        for _ in range(2)
    ]
    assert (first.status_code, again.status_code) == (201, 201), first.text
    assert first.json() == again.json()
    other = await api.post(f"/api/datasets/{NAME}/rounds", json=body, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "round_open_already")
