"""Answers that are given again: never a stale one, never somebody else's."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from starlette.types import Message, Receive, Scope, Send

from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.api import discovery
from mercato.app.parts import OF_THE_INDEX_ALONE
from mercato.app.settings import Settings
from mercato.app.wiring import build_wiring
from mercato.discovery import ListingDocument, Searching
from mercato.edge.answer_cache import AnswerCache
from mercato.edge.problems import install_problems
from mercato.edge.wiring import Running, set_running


def _hits() -> float:
    labels = {"path": "/api/search", "result": "hit"}
    return REGISTRY.get_sample_value("mercato_answer_cache_total", labels) or 0.0


@pytest.fixture
async def client(
    index: EmbeddedSearchIndex, listings: list[ListingDocument], embedder: MiniLmEmbedder, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """The search route with the cache in front of it."""
    await index.apply(listings)
    searching = Searching(index, embedder)
    app = FastAPI()
    app.include_router(discovery.router)
    wiring = build_wiring(Settings(state=tmp_path / "state"), "postgresql://nobody@127.0.0.1/nothing")
    set_running(app, Running(wiring, searching=searching))
    install_problems(app)
    app.add_middleware(AnswerCache, versions=dict.fromkeys(OF_THE_INDEX_ALONE, lambda: searching.version))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
        yield client
    await wiring.close()


@pytest.mark.parametrize("question", ["/api/categories", "/api/facets?task=chat", "/api/suggest?q=weath"])
async def test_other_answers_of_the_index_come_from_memory_until_it_changes(
    client: httpx.AsyncClient, index: EmbeddedSearchIndex, listings: list[ListingDocument], question: str
) -> None:
    first, again = [await client.get(question) for _ in range(2)]
    assert ("cache-status" in first.headers, again.headers["cache-status"]) == (False, "mercato; hit")
    assert again.json() == first.json()
    await index.apply([replace(listings[0], title="Something else")])
    assert "cache-status" not in (await client.get(question)).headers


async def test_the_same_question_is_answered_from_memory_until_the_index_changes(
    client: httpx.AsyncClient, index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    before = _hits()
    first = await client.get("/api/search?q=weather+forecast&limit=3")
    again = await client.get("/api/search?q=weather+forecast&limit=3")
    assert again.json() == first.json()
    assert again.headers["content-type"] == first.headers["content-type"]
    assert ("cache-status" in first.headers, again.headers["cache-status"]) == (False, "mercato; hit")
    assert _hits() == before + 1
    best = first.json()["items"][0]
    one = next(listing for listing in listings if listing.service_id == best["service_id"])
    await index.apply([replace(one, title="Tomorrow's sky", released_at=one.released_at + timedelta(days=1))])
    changed = await client.get("/api/search?q=weather+forecast&limit=3")
    assert _hits() == before + 1
    assert "Tomorrow's sky" in [item["title"] for item in changed.json()["items"]]
    await index.apply([], [best["service_id"]])
    gone = await client.get("/api/search?q=weather+forecast&limit=3")
    assert best["service_id"] not in [item["service_id"] for item in gone.json()["items"]]


@pytest.mark.parametrize("header", [{"authorization": "Basic x"}, {"cookie": "mercato=x"}])
async def test_whoever_shows_credentials_asks_the_router(client: httpx.AsyncClient, header: dict[str, str]) -> None:
    await client.get("/api/search?q=weather")
    before = _hits()
    for _ in range(2):
        assert (await client.get("/api/search?q=weather", headers=header)).status_code == 200
    assert _hits() == before


async def test_refusals_are_not_kept(client: httpx.AsyncClient) -> None:
    before = _hits()
    for _ in range(2):
        assert (await client.get("/api/search?limit=0")).status_code == 422
    assert _hits() == before


def _scope(query: bytes) -> Scope:
    return {"type": "http", "method": "GET", "path": "/a", "query_string": query, "headers": []}


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _ask(cache: AnswerCache, query: bytes = b"") -> bytes:
    body = b""

    async def send(message: Message) -> None:
        nonlocal body
        body += message.get("body", b"")

    await cache(_scope(query), _no_body, send)
    return body


def _answering(make: Callable[[], bytes], waits: Callable[[], Any] | None = None) -> Any:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = make()
        if waits is not None:
            await waits()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})

    return app


async def test_an_answer_that_a_change_overtook_is_not_kept() -> None:
    version, go = 1, asyncio.Event()
    cache = AnswerCache(_answering(lambda: b"%d" % version, go.wait), {"/a": lambda: version})
    asked = asyncio.create_task(_ask(cache))
    await asyncio.sleep(0)
    version = 2
    go.set()
    assert await asked == b"1"
    assert await _ask(cache) == b"2"


async def test_nothing_is_kept_where_there_is_no_version() -> None:
    counted = iter(range(9))
    cache = AnswerCache(_answering(lambda: b"%d" % next(counted)), {"/a": lambda: None})
    assert [await _ask(cache), await _ask(cache)] == [b"0", b"1"]


async def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    counted = iter(range(99))
    cache = AnswerCache(_answering(lambda: b"%4d" % next(counted) * 1_000), {"/a": lambda: 1}, room_bytes=25_000)
    for number in range(10):
        await _ask(cache, b"%d" % number)
    recent, oldest = await _ask(cache, b"9"), await _ask(cache, b"0")
    assert recent.startswith(b"   9")
    assert oldest.startswith(b"  10")
