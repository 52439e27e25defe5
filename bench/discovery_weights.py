"""The weights of words and meaning: chosen on one half of every judged set, reported on the other.

    python -m bench.discovery_weights [--data ../shared/data/search]

Halves of the catalogue are its own; those of other sets follow from a hash of the query. A figure's spread is its 95 %
bootstrap interval over queries. `ahead` is the mean difference, query by query, between what ships and the better of
words alone and vectors alone: its interval says whether the lead may be chance.
"""

import argparse
import asyncio
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from bench.discovery import RANKINGS
from bench.discovery_rows import Row
from bench.discovery_sets import Judged, JudgedSet, read_catalogue_sets, read_own_set, read_shared_sets
from bench.discovery_vectors import Vectors
from bench.judged import ndcg
from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import (
    EmbeddedSearchIndex,
    Ranking,
    Weighted,
)
from mercato.discovery import IndexQuery, ListingDocument

SHARES = tuple(round(0.5 + 0.05 * step, 2) for step in range(11))
"""What the cosine may count."""
_DEEP = 100
_RESAMPLES = 2_000
_RESULTS = Path(__file__).parent / "results" / "discovery_weights.json"
_SHIPPED = "weighted"


@dataclass(frozen=True, slots=True)
class Halves:
    """One set: `dev` may be tuned on, `held` is reported."""

    name: str
    listings: list[ListingDocument]
    dev: list[Judged]
    held: list[Judged]


def halves_of(judged: JudgedSet) -> Halves:
    """By a hash of each query."""
    dev = [one for one in judged.queries if sha256(one.query.encode()).digest()[0] % 2]
    return Halves(judged.name, judged.listings, dev, [one for one in judged.queries if one not in dev])


def read_halves(data: Path) -> list[Halves]:
    """Every set there is."""
    dev, held = read_catalogue_sets()
    catalogue = Halves("catalogue", dev.listings, dev.queries, held.queries)
    return [catalogue, *map(halves_of, [read_own_set(), *read_shared_sets(data)])]


async def find(
    listings: Sequence[ListingDocument], queries: Sequence[Judged], ranking: Ranking, vectors: Vectors, limit: int
) -> list[list[str]]:
    """What each query finds, the best first."""
    index = EmbeddedSearchIndex(dimensions=384, ranking=ranking)
    await index.apply(await vectors.given(listings))
    found = []
    for one, vector in zip(queries, await vectors.of([one.query for one in queries]), strict=True):
        answer = await index.search(IndexQuery(one.query, vector, limit=limit))
        found.append([hit.document.service_id for hit in answer.hits])
    await index.close()
    return found


def gains_of(queries: Sequence[Judged], found: Sequence[Sequence[str]]) -> list[float]:
    """nDCG@10 of each query."""
    return [ndcg(names, one.gains) for one, names in zip(queries, found, strict=True)]


async def tune(sets: Sequence[Halves], vectors: Vectors) -> dict[float, float]:
    """Mean nDCG@10 over the sets' tuned halves by share, each set counting the same."""
    means = {}
    for share in SHARES:
        by_set = [
            statistics.fmean(gains_of(one.dev, await find(one.listings, one.dev, Weighted(share), vectors, 10)))
            for one in sets
        ]
        means[share] = statistics.fmean(by_set)
    return means


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % bootstrap interval of the mean (Efron 1979, percentiles); always the same resamples."""
    sample = np.array(values)
    picks = np.random.default_rng(7).integers(0, len(sample), (_RESAMPLES, len(sample)))
    low, high = np.percentile(sample[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def _row(metric: str, values: Sequence[float], bar: float | None = None) -> Row:
    return Row(metric, statistics.fmean(values), "", "higher", bar, interval(values))


async def report(halves: Halves, vectors: Vectors) -> list[Row]:
    """The figures of the half that nobody tuned on."""
    by_ranking, rows = {}, []
    for name, ranking in RANKINGS.items():
        found = await find(halves.listings, halves.held, ranking, vectors, _DEEP)
        by_ranking[name] = gains_of(halves.held, found)
        rows.append(_row(f"ndcg10.{halves.name}.{name}", by_ranking[name]))
        if name == _SHIPPED:
            rows += _deep(halves, found)
    best = max(("words", "vectors"), key=lambda name: statistics.fmean(by_ranking[name]))
    ahead = [ours - theirs for ours, theirs in zip(by_ranking[_SHIPPED], by_ranking[best], strict=True)]
    return [*rows, _row(f"ahead.{halves.name}.{best}", ahead, 0.0)]


def _deep(halves: Halves, found: Sequence[Sequence[str]]) -> list[Row]:
    ranks, recalls = [], []
    for one, names in zip(halves.held, found, strict=True):
        first = next((place for place, name in enumerate(names, start=1) if one.gains.get(name)), None)
        ranks.append(0.0 if first is None else 1 / first)
        recalls.append(len(one.gains.keys() & set(names)) / len(one.gains))
    return [_row(f"mrr.{halves.name}.{_SHIPPED}", ranks), _row(f"recall100.{halves.name}.{_SHIPPED}", recalls)]


async def run(data: Path) -> list[Row]:
    """All figures, shown as they come."""
    embedder = MiniLmEmbedder()
    vectors, sets = Vectors(embedder), read_halves(data)
    tuned = await tune(sets, vectors)
    rows = [Row(f"tuned.share_{share:.2f}", mean, "", "higher") for share, mean in tuned.items()]
    rows.append(Row("tuned.best_share", max(tuned, key=lambda share: tuned[share]), "", "higher"))
    _show(rows)
    for halves in sets:
        reported = await report(halves, vectors)
        _show(reported)
        rows += reported
    embedder.close()
    return rows


def _show(rows: Sequence[Row]) -> None:
    for row in rows:
        spread = f"({row.spread[0]:.3f} to {row.spread[1]:.3f})" if row.spread else ""
        print(f"{row.metric:<58} {row.value:>8.4f} {spread}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="The weights of words and meaning")
    parser.add_argument("--data", type=Path, default=Path("../shared/data/search"))
    rows = asyncio.run(run(parser.parse_args().data))
    _RESULTS.write_text(json.dumps({"rows": [row.to_facts() for row in rows]}, indent=2) + "\n")


if __name__ == "__main__":
    main()
