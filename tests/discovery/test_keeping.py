"""The keeper of the index on disk: opened, caught up, filled after damage, while answers come from the records."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import delete

from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import KeptSearchIndex
from mercato.api import discovery
from mercato.app.settings import Settings
from mercato.app.wiring import build_wiring
from mercato.discovery import (
    DocumentChanged,
    DocumentWriter,
    FallingBack,
    Filters,
    IndexQuery,
    KeptIndexKeeper,
    RebuildAsked,
    Searching,
)
from mercato.edge.problems import install_problems
from mercato.edge.wiring import Running, set_running
from mercato.platform import Database, Event, Ids, Outbox, OutboxFeed
from mercato.platform.outbox import OutboxRow
from tests.conftest import People, TestClock
from tests.discovery.test_indexing import Shop, _changed
from tests.support.waiting import until


@dataclass
class Process:
    """What a process has of the index."""

    index: KeptSearchIndex
    keeper: KeptIndexKeeper
    searching: Searching
    feed: OutboxFeed

    async def titles(self) -> list[str]:
        page = await self.searching.search("", Filters(), limit=50)
        return sorted(hit.document.title for hit in page.answer.hits)

    async def end(self) -> None:
        await self.feed.close()
        await self.index.close()


Start = Callable[[], Awaitable[Process]]


@pytest.fixture
async def shop(database: Database, clock: TestClock, ids: Ids, outbox: Outbox, people: People) -> Shop:
    return Shop(database, clock, ids, outbox, await people.join("acme"))


@pytest.fixture
async def start(database: Database, embedder: MiniLmEmbedder, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a process over the index of this machine; its keeper looks when the test says so."""
    started: list[Process] = []

    async def start() -> Process:
        index = KeptSearchIndex(tmp_path / "search", dimensions=384)
        keeper, feed = KeptIndexKeeper(database, index, embedder), OutboxFeed(database)
        searching = Searching(FallingBack(index, database, lambda: 0.0), embedder, lambda: keeper.state)
        await feed.start([], [keeper.subscriber()])
        process = Process(index, keeper, searching, feed)
        started.append(process)
        return process

    yield start
    for process in started:
        await process.end()


async def _write(shop: Shop, embedder: MiniLmEmbedder, *service_ids: str) -> None:
    """The rows of these services, and the news of them."""
    async with shop.database.transaction() as session:
        writer = DocumentWriter(embedder, shop.clock, shop.outbox)
        await writer.handle(session, [_changed(each) for each in service_ids])


async def _listed(shop: Shop, embedder: MiniLmEmbedder, *titles: str) -> list[str]:
    service_ids = [await shop.release(f"s-{title.lower()}", title, "Something that is sold.") for title in titles]
    await _write(shop, embedder, *service_ids)
    return service_ids


async def test_a_process_fills_the_index_and_the_next_one_only_catches_up(
    shop: Shop, start: Start, embedder: MiniLmEmbedder, caplog: pytest.LogCaptureFixture
) -> None:
    first_id, _ = await _listed(shop, embedder, "Aa", "Bb")
    first = await start()
    assert first.keeper.state == "building"
    await first.keeper.look()
    assert (first.keeper.state, first.keeper.is_ready()) == ("whole", True)
    assert await first.titles() == ["Aa", "Bb"]
    await first.end()
    await shop.change(first_id, title="Cc")
    await _write(shop, embedder, first_id)
    second = await start()
    filled: list[object] = []

    async def note(*_: object, **__: object) -> None:
        filled.append(1)

    second.index.fill = note  # type: ignore[method-assign]
    await second.keeper.look()
    assert await second.titles() == ["Bb", "Cc"]
    assert not filled


async def test_what_changes_is_found_and_its_place_is_kept(
    shop: Shop, start: Start, embedder: MiniLmEmbedder, database: Database
) -> None:
    process = await start()
    await process.keeper.look()
    began = await process.index.kept_place()
    await _listed(shop, embedder, "Aa")

    async def is_found() -> bool:
        return await process.titles() == ["Aa"] and process.keeper.state == "whole"

    await until(is_found)

    async def is_kept() -> bool:
        return await process.index.kept_place() > began

    await until(is_kept)


async def test_where_the_news_does_not_reach_back_everything_is_compared(
    shop: Shop, start: Start, embedder: MiniLmEmbedder, database: Database
) -> None:
    (service_id,) = await _listed(shop, embedder, "Aa")
    first = await start()
    await first.keeper.look()
    await first.end()
    await shop.change(service_id, title="Bb")
    await _write(shop, embedder, service_id)
    async with database.transaction() as session:
        await session.execute(delete(OutboxRow))
    second = await start()
    await second.keeper.look()
    assert await second.titles() == ["Bb"]


async def test_of_two_processes_one_writes_and_both_find_changes(
    shop: Shop, start: Start, embedder: MiniLmEmbedder
) -> None:
    await _listed(shop, embedder, "Aa")
    writer, reader = await start(), await start()
    await writer.keeper.look()
    await reader.keeper.look()
    assert (writer.index.writes, reader.index.writes) == (True, False)
    await _listed(shop, embedder, "Bb")
    for process in (reader, writer):

        async def has_both(process: Process = process) -> bool:
            return await process.titles() == ["Aa", "Bb"] and process.keeper.state == "whole"

        await until(has_both)
    await writer.end()
    await _listed(shop, embedder, "Cc")
    await reader.keeper.look()

    async def has_all() -> bool:
        return await reader.titles() == ["Aa", "Bb", "Cc"]

    await until(has_all)
    assert reader.index.writes


async def test_a_rebuild_that_is_asked_for_makes_a_new_index_and_the_old_one_answers(
    shop: Shop, start: Start, embedder: MiniLmEmbedder, tmp_path: Path
) -> None:
    await _listed(shop, embedder, "Aa")
    process = await start()
    await process.keeper.look()
    (edition,) = tmp_path.rglob("edition-*")
    async with shop.database.transaction() as session:
        await shop.outbox.add(session, RebuildAsked(by="tests"))

    def is_another() -> bool:
        return not edition.exists() and process.keeper.state == "whole"

    await until(is_another)
    assert await process.titles() == ["Aa"]


async def test_a_rebuild_that_was_asked_for_while_nobody_listened_is_made(
    shop: Shop, start: Start, embedder: MiniLmEmbedder, tmp_path: Path
) -> None:
    await _listed(shop, embedder, "Aa")
    first = await start()
    await first.keeper.look()
    await first.end()
    (edition,) = tmp_path.rglob("edition-*")
    async with shop.database.transaction() as session:
        await shop.outbox.add(session, RebuildAsked(by="tests"))
    await _listed(shop, embedder, "Bb")
    second = await start()
    await second.keeper.look()
    assert not edition.exists()
    assert await second.titles() == ["Aa", "Bb"]


@pytest.fixture
async def client_of(database: Database, tmp_path: Path) -> AsyncIterator[Callable[[Process], httpx.AsyncClient]]:
    wiring = build_wiring(Settings(state=tmp_path / "state"), database.url)
    clients: list[httpx.AsyncClient] = []

    def client_of(process: Process) -> httpx.AsyncClient:
        app = FastAPI()
        app.include_router(discovery.router)
        set_running(app, Running(wiring, searching=process.searching, index_keeper=process.keeper))
        install_problems(app)
        clients.append(httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1"))
        return clients[-1]

    yield client_of
    for client in clients:
        await client.aclose()
    await wiring.close()


async def test_after_damage_the_records_answer_marked_until_the_index_is_filled_again(
    shop: Shop,
    start: Start,
    embedder: MiniLmEmbedder,
    client_of: Callable[[Process], httpx.AsyncClient],
    tmp_path: Path,
) -> None:
    await _listed(shop, embedder, "Aa", "Bb")
    process = await start()
    await process.keeper.look()
    client = client_of(process)
    whole = await client.get("/api/search", params={"q": "sold"})
    assert (whole.json()["total"], whole.json()["partial"], whole.headers.get("mercato-index")) == (2, False, None)
    (words,) = tmp_path.rglob("meta.json")
    words.unlink()
    assert not await process.index.look(await process.keeper._read_mark())
    marked = await client.get("/api/search", params={"q": "sold"})
    assert marked.status_code == 200
    assert (marked.json()["total"], marked.json()["partial"]) == (2, True)
    assert marked.headers["mercato-index"] == "building"
    # What changes meanwhile is not lost.
    await _listed(shop, embedder, "Cc")
    await process.keeper.look()
    assert process.keeper.state == "whole"
    assert (await process.index.search(IndexQuery("sold"))).total == 3


PROCESS = """
import asyncio, sys
from pathlib import Path
from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import KeptSearchIndex
from mercato.discovery import KeptIndexKeeper, keeping
from mercato.platform import Database, OutboxFeed
keeping._FILLED_AT_ONCE = 1
async def main():
    database = Database(sys.argv[1])
    index = KeptSearchIndex(Path(sys.argv[2]), dimensions=384)
    keeper, feed = KeptIndexKeeper(database, index, MiniLmEmbedder(), looks_seconds=0.05), OutboxFeed(database)
    fill = index.fill
    async def tell(listings, upto):
        await fill(listings, upto)
        print("filled", flush=True)
    index.fill = tell
    await feed.start([], [keeper.subscriber()])
    await keeper.run()
asyncio.run(main())
"""


async def test_killed_in_the_middle_of_filling_the_next_process_has_everything(
    shop: Shop, start: Start, embedder: MiniLmEmbedder, database: Database, tmp_path: Path
) -> None:
    first_id, *_ = await _listed(shop, embedder, "Aa", "Bb", "Cc", "Dd", "Ee", "Ff")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROCESS, database.url, str(tmp_path / "search"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    filled = 0
    while filled < 3:
        line = await process.stdout.readline()
        assert line, "it ended by itself"
        filled += line == b"filled\n"
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    # A listing that was filled already changes before anybody goes on.
    await shop.change(first_id, title="Zz")
    await _write(shop, embedder, first_id)
    following = await start()
    await following.keeper.look()
    assert await following.titles() == ["Bb", "Cc", "Dd", "Ee", "Ff", "Zz"]
    assert (await following.keeper.compare(shop.clock.now() + timedelta(minutes=1))).agrees


async def test_news_that_comes_while_the_index_is_not_open_is_not_taken_as_done(
    shop: Shop, start: Start, embedder: MiniLmEmbedder
) -> None:
    process = await start()
    (service_id,) = await _listed(shop, embedder, "Aa")
    news: Any = DocumentChanged(by="tests", service_id=service_id)
    await process.keeper.handle([Event((await process.index.kept_place()), news, shop.clock.now())])
    await process.keeper.look()
    assert await process.titles() == ["Aa"]
    assert json.dumps(process.keeper.state) == '"whole"'
