"""The judged set over a real catalogue; `derive` says how it was made."""

import gzip
import json
from collections.abc import Sequence
from math import log2
from pathlib import Path
from typing import Any

from mercato.discovery import ListingDocument

_HERE = Path(__file__).parent


def read_services() -> list[ListingDocument]:
    """The catalogue."""
    from bench.judged.derive import to_listing  # a program of its own, too

    text = gzip.decompress((_HERE / "services.jsonl.gz").read_bytes()).decode()
    return [to_listing(json.loads(line)) for line in text.splitlines()]


def read_queries() -> list[dict[str, Any]]:
    """`{"kind", "half", "query", "gains"}` of each query."""
    return [json.loads(line) for line in (_HERE / "queries.jsonl").read_text("utf-8").splitlines()]


def ndcg(found: Sequence[str], gains: dict[str, float]) -> float:
    """nDCG@10 with the judged gains as they are."""
    ideal = sum(gain / log2(place + 2) for place, gain in enumerate(sorted(gains.values(), reverse=True)[:10]))
    return sum(gains.get(one, 0.0) / log2(place + 2) for place, one in enumerate(found[:10])) / ideal
