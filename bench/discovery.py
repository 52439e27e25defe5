"""Search measured: ranking on judged sets (words, vectors, both), recommendations, latency at ten thousand listings.

    python -m bench.discovery [--data ../shared/data/search] [--listings 10000] [--speed]

`--speed` measures speed and memory only, which is what another size changes, and writes them to a file of that size.
Listings beyond the judged sets are mixtures of their sentences, with vectors that are turned a little.

The shared judged sets are other people's documents and not in the repository; without them the repository's own sets
are measured alone.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Sequence
from math import log2
from pathlib import Path

from bench.discovery_http import measure_http
from bench.discovery_latency import distinct_queries, measure_latency, with_vectors
from bench.discovery_opening import fill, measure_opening
from bench.discovery_postgres import measure_postgres
from bench.discovery_recommend import measure_recommendations
from bench.discovery_rows import Row
from bench.discovery_sets import JudgedSet, read_catalogue_sets, read_own_set, read_shared_sets
from bench.discovery_vectors import Vectors
from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import (
    EmbeddedSearchIndex,
    Ranking,
    ReciprocalRanks,
    TextOnly,
    VectorsOnly,
    Weighted,
)
from mercato.discovery import IndexQuery, ListingDocument

RESULTS = Path(__file__).parent / "results" / "discovery.json"
_MOST_IN_MEMORY = 200_000
"""Beyond, only the index on disk is measured: one in memory, and PostgreSQL beside, would take an hour to make."""

RANKINGS: dict[str, Ranking] = {
    "words": TextOnly(),
    "vectors": VectorsOnly(),
    "rrf": ReciprocalRanks(),
    "weighted": Weighted(),
}
"""What ships is the last; the others stand beside it."""


def ndcg(found: Sequence[str], gains: dict[str, float]) -> float:
    """nDCG@10 with the judged gains as they are."""
    ideal = sum(gain / log2(place + 2) for place, gain in enumerate(sorted(gains.values(), reverse=True)[:10]))
    return sum(gains.get(one, 0.0) / log2(place + 2) for place, one in enumerate(found[:10])) / ideal


async def measure_ranking(judged: JudgedSet, vectors: Vectors) -> dict[str, float]:
    """Mean nDCG@10 of each ranking."""
    listings = await vectors.given(judged.listings)
    asked = await vectors.of([one.query for one in judged.queries])
    means = {}
    for name, ranking in RANKINGS.items():
        index = EmbeddedSearchIndex(dimensions=384, ranking=ranking)
        await index.apply(listings)
        scores = []
        for one, vector in zip(judged.queries, asked, strict=True):
            answer = await index.search(IndexQuery(one.query, vector))
            scores.append(ndcg([hit.document.service_id for hit in answer.hits], one.gains))
        means[name] = statistics.fmean(scores)
        await index.close()
    return means


def rows_of(judged: JudgedSet, means: dict[str, float]) -> list[Row]:
    """The figures of one set. The bar of what ships is the better of words alone and vectors alone."""
    bars = {"weighted": max(means["words"], means["vectors"])}
    return [
        Row(f"nDCG@10, {judged.name}: {name}", mean, "", "higher", round(bars[name], 4) if name in bars else None)
        for name, mean in means.items()
    ]


def show(rows: Sequence[Row]) -> None:
    """The table."""
    for row in rows:
        verdict = {
            None: "",
            True: f"met {row.bar:g}" if row.bar else "",
            False: f"NOT met: {row.bar:g}" if row.bar else "",
        }
        spread = f"({row.spread[0]:.2f} to {row.spread[1]:.2f})" if row.spread else ""
        print(f"{row.metric:<58} {row.value:>10.3f} {row.unit:<4} {spread:<22} {verdict[row.met]}", flush=True)


async def run(data: Path, count: int, *, only_speed: bool = False) -> list[Row]:
    """All figures, shown as they come."""
    embedder = MiniLmEmbedder()
    vectors = Vectors(embedder)
    sets = [read_own_set(), *read_catalogue_sets(), *read_shared_sets(data)]
    if len(sets) == 3:
        print(f"no judged sets in {data}: only the repository's own are measured")
    rows: list[Row] = []
    if not only_speed:
        for judged in sets:
            rows += rows_of(judged, await measure_ranking(judged, vectors))
            show(rows[-len(RANKINGS) :])
        guessed = measure_recommendations()
        show(guessed)
        rows += guessed
    many, queries = await with_vectors(count, sets, vectors), distinct_queries(sets)
    served = await measure_served(many, queries)
    timed: list[Row] = []
    if count <= _MOST_IN_MEMORY:
        timed = await measure_latency(many, sets, embedder, vectors)
        show(timed)
        beside = measure_postgres(many, queries[:400], [] if only_speed else sets)
        show(beside)
        timed += beside
    embedder.close()
    return rows + served + timed


async def measure_served(listings: Sequence[ListingDocument], queries: Sequence[str]) -> list[Row]:
    """The index on disk: made, opened, and asked through HTTP."""
    count = len(listings)
    with tempfile.TemporaryDirectory() as folder:
        rows = [await fill(Path(folder), listings), *await measure_opening(Path(folder), count)]
        show(rows)
        asked = await measure_http(count, Path(folder), queries)
    show(asked)
    return rows + asked


def main() -> None:
    parser = argparse.ArgumentParser(description="Search: ranking and latency")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/search"))
    parser.add_argument("--listings", type=int, default=10_000)
    parser.add_argument("--speed", action="store_true")
    asked = parser.parse_args()
    rows = asyncio.run(run(asked.data, asked.listings, only_speed=asked.speed))
    results = RESULTS.with_stem(f"discovery-{asked.listings}") if asked.speed else RESULTS
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps({"machine": machine, "rows": [row.to_facts() for row in rows]}, indent=2) + "\n")


if __name__ == "__main__":
    main()
