"""Judged sets: listings, queries, and what each query should find."""

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.discovery_listing import listing
from bench.judged import read_queries, read_services
from mercato.discovery import ListingDocument

MOST_QUERIES = 400


@dataclass(frozen=True, slots=True)
class Judged:
    """A query and the gain of each listing, by name."""

    query: str
    gains: dict[str, float]


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Listings and the queries over them."""

    name: str
    listings: list[ListingDocument]
    queries: list[Judged]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value or "")


def _gorilla(row: dict[str, Any]) -> ListingDocument:
    summary = f"{_text(row['functionality'])} {_text(row['category'])}"
    return replace(listing(row["id"], _text(row["name"]), summary, _text(row["description"])), name=row["name"])


def _metatool(row: dict[str, Any]) -> ListingDocument:
    title = re.sub(r"([a-z])([A-Z])", r"\1 \2", row["name"]).replace("_", " ")
    return listing(row["id"], title, description=_text(row["description"]))


def _restbench(row: dict[str, Any]) -> ListingDocument:
    return listing(row["id"], _text(row["summary"]), description=_text(row["description"]))


def _apidir(row: dict[str, Any]) -> ListingDocument:
    tags = tuple(_text(tag) for tag in [*row["categories"], *row["tags"]])
    return replace(listing(row["id"], _text(row["title"]), description=_text(row["description"])), tags=tags)


SETS: dict[str, tuple[str, Callable[[dict[str, Any]], ListingDocument], str, str]] = {
    "gorilla, the one model": ("gorilla_docs", _gorilla, "gorilla_dev", "relevant"),
    "gorilla, its category": ("gorilla_docs", _gorilla, "gorilla_dev", "same_category"),
    "metatool": ("metatool_docs", _metatool, "metatool_dev", "relevant"),
    "metatool, several": ("metatool_docs", _metatool, "metatool_multi_dev", "relevant"),
    "restbench": ("restbench_docs", _restbench, "restbench_dev", "relevant"),
    "api directory, operations": ("apidir_docs", _apidir, "apidir_opsummary_dev", "relevant"),
    "api directory, people": ("apidir_docs", _apidir, "apidir_human_dev", "relevant"),
}


def read_shared_sets(folder: Path) -> list[JudgedSet]:
    """The judged sets of this folder; none where it is absent. Large ones are sampled, always the same way."""
    if not folder.is_dir():
        return []
    sets = []
    for name, (documents, as_listing, queries, relevant) in SETS.items():
        rows = read_lines(folder / f"{queries}.jsonl")
        sample = random.Random(7).sample(rows, MOST_QUERIES) if len(rows) > MOST_QUERIES else rows
        judged = [Judged(row["query"], dict.fromkeys(row[relevant], 1.0)) for row in sample]
        sets.append(JudgedSet(name, [as_listing(row) for row in read_lines(folder / f"{documents}.jsonl")], judged))
    return sets


def read_catalogue_sets() -> list[JudgedSet]:
    """The judged set over a real catalogue, in halves: weights may be chosen on `dev`, nobody tunes on `held`."""
    services, queries = read_services(), read_queries()
    return [
        JudgedSet(
            f"catalogue, {half}",
            services,
            [Judged(one["query"], one["gains"]) for one in queries if one["half"] == half],
        )
        for half in ("dev", "held")
    ]


def read_own_set() -> JudgedSet:
    """The repository's own listings and queries."""
    folder = Path(__file__).parent.parent / "tests" / "discovery"
    listings = [
        replace(
            listing(row["name"], row["title"], row["summary"], row["description"]),
            tags=tuple(row["tags"]),
            operations=row["operations"],
        )
        for row in read_lines(folder / "listings.jsonl")
    ]
    queries = [
        Judged(row["query"], dict.fromkeys(row["answers"], 3.0) | dict.fromkeys(row["acceptable"], 1.0))
        for row in read_lines(folder / "judged.jsonl")
    ]
    return JudgedSet("our own", listings, queries)
