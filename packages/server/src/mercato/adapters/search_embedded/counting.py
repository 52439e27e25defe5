"""How many listings match, by the values of facets and the steps of numbers."""

from collections.abc import Collection
from typing import Any

import tantivy

from mercato.adapters.search_embedded.numbers import facet_field, read_steps, step_counts
from mercato.discovery import FacetName, NumberName
from mercato_contracts.money import Currency

FacetCounts = dict[FacetName, tuple[tuple[str, int], ...]]
StepCounts = dict[NumberName, tuple[tuple[int, int], ...]]


class Counting:
    """Counts on one snapshot of the index. A facet shows its `size` most frequent values, then by name."""

    def __init__(self, searcher: tantivy.Searcher, currency: Currency, size: int) -> None:
        self._searcher = searcher
        self._currency = currency
        self._size = size

    def count(
        self, query: tantivy.Query, facets: Collection[FacetName], numbers: Collection[NumberName] = ()
    ) -> tuple[int, FacetCounts, StepCounts]:
        """Of the listings that match: how many there are, of each value, of each step.

        All in one pass: walking through what matches is what costs.
        """
        wanted: dict[str, Any] = {f: {"terms": {"field": facet_field(f), "size": self._size}} for f in facets}
        wanted |= {name: step_counts(name, self._currency) for name in numbers}
        answer = self._searcher.aggregate(query, {**wanted, "total": {"value_count": {"field": "key"}}})
        counts = {facet: _in_order(answer[facet]["buckets"]) for facet in facets}
        return int(answer["total"]["value"]), counts, {name: read_steps(name, answer[name]) for name in numbers}


def _in_order(buckets: list[dict[str, Any]]) -> tuple[tuple[str, int], ...]:
    pairs = [(str(bucket["key"]), int(bucket["doc_count"])) for bucket in buckets]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))
