"""How long a search takes, and how many there are in a second."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from statistics import median, quantiles
from typing import Any

import numpy as np

from bench.discovery_rows import Row
from bench.discovery_sets import MOST_QUERIES, JudgedSet
from bench.discovery_vectors import Vectors
from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.discovery import FACETS, Filters, IndexQuery, ListingDocument, PriceFact, Range, Searching, pack_vector

LATENCY_BAR_MS = 12.0
"""A tenth of the 120 ms that mission.md names."""

RATE_BAR = 3_330.0
"""Ten times the 333 a second that mission.md names."""

_ROUNDS = 3

Ask = Callable[[], Awaitable[object]]


def many_listings(count: int, judged: Sequence[JudgedSet]) -> list[ListingDocument]:
    """`count` listings with real words: the sets' own, then mixtures of their sentences; varied facets."""
    source = {one.service_id: one for judged_set in judged for one in judged_set.listings}
    known = list(source.values())
    choose = random.Random(11)
    listings = []
    for number in range(count):
        one, other = (known[number], known[number]) if number < len(known) else choose.sample(known, 2)
        listings.append(
            replace(
                one,
                service_id=f"svc_{number:032x}",
                name=f"vendor-{number % 300}/service-{number}",
                vendor=f"vendor-{number % 300}",
                description=f"{other.summary} {other.description}"[:600],
                protocol=choose.choice(["openai", "openapi", "signal", "anthropic"]),
                task=choose.choice(["embeddings", "chat", "vision", "speech", "data", "other"]),
                licence=choose.choice(["MIT", "Apache-2.0", "proprietary"]),
                tags=tuple(choose.sample(["nlp", "images", "audio", "finance", "geo", "health", "code", "search"], 2)),
                prices=(PriceFact("payg", per_call_nanos=choose.randrange(10**7)),),
            )
        )
    return listings


def mixed_vectors(listings: Sequence[ListingDocument], real: np.ndarray[Any, np.dtype[np.float32]]) -> list[bytes]:
    """A vector for each listing: a real one, turned a little, since embedding them all would take minutes."""
    turning = np.random.default_rng(3)
    turned = (real[at % len(real)] + turning.normal(scale=0.02, size=real.shape[1]) for at in range(len(listings)))
    return [pack_vector(row / np.linalg.norm(row)) for row in turned]


async def with_vectors(count: int, judged: Sequence[JudgedSet], vectors: Vectors) -> list[ListingDocument]:
    """`many_listings` with their vectors."""
    bare = many_listings(count, judged)
    real = np.stack(await vectors.of([one.text_to_embed() for judged_set in judged for one in judged_set.listings]))
    return [replace(one, vector=vector) for one, vector in zip(bare, mixed_vectors(bare, real), strict=True)]


def distinct_queries(judged: Sequence[JudgedSet]) -> list[str]:
    """Each query once, in a mixed order that is always the same."""
    queries = list(dict.fromkeys(one.query for judged_set in judged for one in judged_set.queries))
    random.Random(2).shuffle(queries)
    return queries


async def measure_latency(
    listings: Sequence[ListingDocument], judged: Sequence[JudgedSet], embedder: MiniLmEmbedder, vectors: Vectors
) -> list[Row]:
    """Milliseconds of one search after another in an index in memory, facets included; then eight at a time."""
    count = len(listings)
    index = EmbeddedSearchIndex(dimensions=384)
    began = time.perf_counter()
    for start in range(0, count, 1_000):
        await index.apply(listings[start : start + 1_000])
    rows: list[Row] = [Row(f"index {count} listings", time.perf_counter() - began, "s")]
    began = time.perf_counter()
    await index.apply(listings[:1])
    rows.append(Row("change one listing until it is found", 1e3 * (time.perf_counter() - began), "ms"))
    queries = [one.query for judged_set in judged for one in judged_set.queries][:MOST_QUERIES]
    known = await vectors.of(queries)
    plain = [IndexQuery(text, vector, facets=FACETS) for text, vector in zip(queries, known, strict=True)]
    filters = Filters(
        {"protocol": ("openai",), "licence": ("MIT", "Apache-2.0")}, ranges={"price_per_call": Range(most=5_000_000)}
    )
    narrow = [replace(query, filters=filters) for query in plain]
    searching = Searching(index, embedder)
    whole = [partial(searching.search, text, Filters(), limit=10) for text in queries]
    rows += await time_searches("embed and search, words new", whole, LATENCY_BAR_MS, rounds=1)
    rows += await time_searches("embed and search, words seen before", whole)
    rows += await time_searches("search", [partial(index.search, query) for query in plain])
    rows += await time_searches("search, three filters", [partial(index.search, query) for query in narrow])
    rows.append(await time_together("searches, eight at a time", [partial(index.search, query) for query in plain]))
    await index.close()
    return rows


async def time_searches(
    name: str, asks: Sequence[Ask], bar_ms: float | None = None, rounds: int = _ROUNDS
) -> list[Row]:
    """CPU, p50 and p95 of one search after another; their spread over the rounds."""
    p50s, p95s = [], []
    cpu_began = time.process_time()
    for _ in range(rounds):
        times = []
        for ask in asks:
            began = time.perf_counter()
            await ask()
            times.append(1e3 * (time.perf_counter() - began))
        cuts = quantiles(times, n=100)
        p50s.append(cuts[49])
        p95s.append(cuts[94])
    cpu_ms = 1e3 * (time.process_time() - cpu_began) / (rounds * len(asks))
    return [
        Row(f"{name}: CPU", cpu_ms, "ms"),
        Row(f"{name}: p50", median(p50s), "ms", spread=(min(p50s), max(p50s))),
        Row(f"{name}: p95", median(p95s), "ms", bar=bar_ms, spread=(min(p95s), max(p95s))),
    ]


async def time_together(name: str, asks: Sequence[Ask], at_once: int = 8) -> Row:
    """Searches in a second when `at_once` wait at any time; the spread over three rounds."""
    rates = []
    for _ in range(_ROUNDS):
        left = list(asks)

        async def work(left: list[Ask] = left) -> None:
            while left:
                await left.pop()()

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_once)))
        rates.append(len(asks) / (time.perf_counter() - began))
    return Row(name, median(rates), "1/s", better="higher", bar=RATE_BAR, spread=(min(rates), max(rates)))
