"""Listings that are like another one: near in meaning, of the same task, with the same tags."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import tantivy

from mercato.adapters.search_embedded.numbers import facet_field
from mercato.adapters.search_embedded.question import filtered
from mercato.adapters.search_embedded.remembered import RememberedListings
from mercato.adapters.search_embedded.schema import key_of, keys_of
from mercato.adapters.search_embedded.vectors import Vectors
from mercato.discovery import Filters, Likeness, ListingDocument

NEIGHBOURS = 100
OF_A_TAG = 40
MOST_TAGS = 8
_TASK, _TAGS = 0.1, 0.2
"""What the same task and the same tags add to the cosine."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Listings of one generation of the index; those that were read lately are not decoded again."""

    schema: tantivy.Schema
    searcher: tantivy.Searcher
    remembered: RememberedListings
    generation: int
    viewer: str | None

    def of_keys(self, keys: Iterable[int]) -> dict[int, ListingDocument]:
        """Those of these keys that the index holds."""
        wanted = list(keys)
        return self._found(tantivy.Query.term_set_query(self.schema, "key", wanted), len(wanted)) if wanted else {}

    def with_tags(self, tags: Sequence[str]) -> dict[int, ListingDocument]:
        """Some that have most of these tags."""
        tagged = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self.schema, facet_field("tag"), tag, "basic"))
            for tag in tags[:MOST_TAGS]
        ]
        return self._found(tantivy.Query.boolean_query(tagged), OF_A_TAG) if tagged else {}

    def _found(self, query: tantivy.Query, most: int) -> dict[int, ListingDocument]:
        seen = filtered(self.schema, self.searcher, query, Filters(viewer=self.viewer))
        addresses = [address for _, address in self.searcher.search(seen, most, count=False).hits]
        return {
            key: self.remembered.at(self.searcher, self.generation, key, address).listing
            for key, address in zip(keys_of(self.searcher, addresses), addresses, strict=True)
        }


def similar(shelf: Shelf, vectors: Vectors, service_id: str, limit: int) -> tuple[Likeness, ...]:
    """The most similar first; none where the index does not hold this listing."""
    key = key_of(service_id)
    own = shelf.of_keys([key]).get(key)
    if own is None:
        return ()
    vector = vectors.get(key)
    near = {} if vector is None else vectors.nearest(vector, NEIGHBOURS)
    candidates = shelf.of_keys(near) | shelf.with_tags(own.tags)
    candidates.pop(key, None)
    if vector is not None:
        near |= vectors.compare(vector, [each for each in candidates if each not in near])
    return most_like(own, [(one, near.get(each)) for each, one in candidates.items()], limit)


def most_like(
    own: ListingDocument, candidates: Iterable[tuple[ListingDocument, float | None]], limit: int
) -> tuple[Likeness, ...]:
    """The candidates that are like it, the most similar first; each with the cosine of the meanings, where known."""
    found = [_like(own, other, cosine) for other, cosine in candidates]
    found = [one for one in found if one.score > 0 and one.document.status != "yanked"]
    return tuple(sorted(found, key=lambda one: (-one.score, one.document.name))[:limit])


def _like(own: ListingDocument, other: ListingDocument, cosine: float | None) -> Likeness:
    shared = tuple(tag for tag in own.tags if tag in other.tags)
    together = len({*own.tags, *other.tags}) or 1
    score = max(0.0, cosine or 0.0) + _TAGS * len(shared) / together + _TASK * (own.task == other.task)
    return Likeness(other, score, cosine, own.task == other.task, shared)
