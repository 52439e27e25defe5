"""An index says when it is not whole, is compared with its rows, and is written again while it answers."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.api import discovery, search_index
from mercato.app.settings import Settings
from mercato.app.wiring import build_wiring
from mercato.discovery import (
    Compared,
    DocumentChanged,
    DocumentWriter,
    IndexKeeper,
    IndexQuery,
    ListingDocument,
    RebuildAsked,
    Searching,
    compare_rows,
)
from mercato.discovery.repository import ListingRepository
from mercato.edge.answer_cache import AnswerCache
from mercato.edge.problems import install_problems
from mercato.edge.wiring import Running, set_running
from mercato.platform import Database, Event, Ids, Outbox
from mercato.platform.outbox import Place
from tests.conftest import People, TestClock
from tests.discovery.test_indexing import Shop, _changed

LATER = timedelta(minutes=1)


@pytest.fixture
async def shop(database: Database, clock: TestClock, ids: Ids, outbox: Outbox, people: People) -> Shop:
    return Shop(database, clock, ids, outbox, await people.join("acme"))


@pytest.fixture
async def filled(
    shop: Shop,
    database: Database,
    clock: TestClock,
    outbox: Outbox,
    embedder: MiniLmEmbedder,
) -> list[str]:
    """Three listed services with their rows, written a minute ago."""
    ids = [await shop.release(f"s{n}", f"Title {n}", "Something that is sold.") for n in range(3)]
    async with database.transaction() as session:
        await DocumentWriter(embedder, clock, outbox).handle(session, [_changed(each) for each in ids])
    clock.advance(LATER)
    return ids


@pytest.fixture
async def keeper(database: Database, index: EmbeddedSearchIndex, embedder: MiniLmEmbedder) -> IndexKeeper:
    return IndexKeeper(database, index, embedder)


@pytest.fixture
async def client(
    keeper: IndexKeeper, index: EmbeddedSearchIndex, embedder: MiniLmEmbedder, tmp_path: Path, database: Database
) -> AsyncIterator[httpx.AsyncClient]:
    """Search as a process serves it, its internal route with it."""
    app = FastAPI()
    app.include_router(discovery.router)
    app.include_router(search_index.router)
    wiring = build_wiring(Settings(state=tmp_path / "state"), database.url)
    searching = Searching(index, embedder, lambda: keeper.state)
    set_running(app, Running(wiring, searching=searching, index_keeper=keeper))
    app.add_middleware(AnswerCache, versions={"/api/search": lambda: searching.version})
    install_problems(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
        yield client
    await wiring.close()


def told(news: Any) -> Event[Any]:
    return Event(Place(1, 1), news, TestClock().now())


async def test_answers_are_marked_until_the_index_is_built_and_are_not_kept(
    filled: list[str], keeper: IndexKeeper, client: httpx.AsyncClient
) -> None:
    for _ in range(2):
        early = await client.get("/api/search")
        assert (early.json()["partial"], early.headers["mercato-index"], early.json()["total"]) == (True, "building", 0)
        assert "cache-status" not in early.headers
    assert not keeper.is_ready(), "a balancer hears the same"
    assert (await client.get("/api/facets")).json()["partial"] is True
    await keeper.build()
    whole = await client.get("/api/search")
    assert (whole.json()["partial"], whole.json()["total"]) == (False, 3)
    assert "mercato-index" not in whole.headers
    assert "cache-status" in (await client.get("/api/search")).headers


async def test_a_batch_that_could_not_be_brought_leaves_a_mark_until_it_comes_again(
    filled: list[str], database: Database, embedder: MiniLmEmbedder
) -> None:
    small = EmbeddedSearchIndex(dimensions=3)
    keeper = IndexKeeper(database, small, embedder)
    keeper._ready = True
    batch = [told(DocumentChanged(by="x", service_id=each)) for each in filled]
    with pytest.raises(ValueError, match="dimensions"):
        await keeper.handle(batch)
    states = [keeper.state]
    await keeper.handle([told(DocumentChanged(by="x", service_id="svc_unknown"))])
    assert [*states, keeper.state] == ["catching_up", "whole"]
    await small.close()


async def test_what_is_missing_extra_and_stale_is_named_and_a_rebuild_mends_it(
    filled: list[str], shop: Shop, database: Database, clock: TestClock, outbox: Outbox, embedder: MiniLmEmbedder,
    index: EmbeddedSearchIndex, keeper: IndexKeeper, client: httpx.AsyncClient,
) -> None:  # fmt: skip
    await keeper.build()
    assert await keeper.compare(clock.now()) == Compared(listings=3)
    gone, stale, extra = filled
    await index.apply([], [gone])
    await shop.change(stale, title="Another title")
    await shop.change(extra, status="withdrawn")
    async with database.transaction() as session:
        await DocumentWriter(embedder, clock, outbox).handle(session, [_changed(stale), _changed(extra)])
    young = await keeper.compare(clock.now())
    assert (young.missing, young.on_their_way) == ((gone,), 2)
    found = await keeper.compare(clock.now() + LATER)
    assert found == Compared(listings=2, missing=(gone,), stale=(stale,), extra=(extra,))
    assert not found.agrees
    ghost = ListingDocument(
        service_id="svc_" + "f" * 32, name="acme/ghost", title="Ghost", summary="", vendor="acme", protocol="openai",
        task="chat", licence="MIT", version="1.0.0", released_at=clock.now(), seen_by=("acme",),
    )  # fmt: skip
    await index.apply([ghost])
    assert (await keeper.compare(clock.now() + LATER)).unknown == 1, "private ones are counted too"
    over_http = (await client.get("/search-index")).json()
    assert (over_http["state"], over_http["missing"]) == ("whole", [gone])
    await keeper.handle([told(RebuildAsked(by="x"))])
    assert (await keeper.compare(clock.now() + LATER)).agrees
    titles = {hit.document.title for hit in (await index.search(IndexQuery())).hits}
    assert titles == {"Title 0", "Another title"}
    assert keeper.state == "whole"


async def test_rows_are_compared_with_the_catalogue(
    filled: list[str],
    shop: Shop,
    database: Database,
    clock: TestClock,
) -> None:
    new = await shop.release("new", "New", "Not written yet.")
    first, second, third = filled
    async with database.transaction() as session:
        rows = await ListingRepository(session).find_many(filled)
        rows[first].facts = {**rows[first].facts, "title": "Spoilt"}
        rows[second].withdrawn = True
    await shop.change(third, status="withdrawn")
    async with database.transaction() as session:
        found = await compare_rows(session, clock.now())
    assert (found.missing, found.extra, found.stale) == ((second, new), (third,), (first,))
