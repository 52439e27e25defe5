"""Listings that are like another one: near in meaning, of the same task, with the same tags."""

from collections.abc import Iterable

import tantivy

from mercato.adapters.search_embedded.documents import from_source
from mercato.adapters.search_embedded.numbers import facet_field
from mercato.adapters.search_embedded.schema import key_of
from mercato.adapters.search_embedded.vectors import VectorIndex
from mercato.discovery import Likeness, ListingDocument

_NEIGHBOURS = 100
_OF_A_TAG = 40
_TASK, _TAGS = 0.1, 0.2
"""What the same task and the same tags add to the cosine."""


def similar(
    schema: tantivy.Schema, searcher: tantivy.Searcher, vectors: VectorIndex, service_id: str, limit: int
) -> tuple[Likeness, ...]:
    """The most similar first; none where the index does not hold this listing."""
    key = key_of(service_id)
    own = _find(schema, searcher, [key])
    if key not in own:
        return ()
    vector = vectors.get(key)
    near = {} if vector is None else vectors.nearest(vector, _NEIGHBOURS)
    candidates = _find(schema, searcher, near) | _with_tags(schema, searcher, own[key])
    candidates.pop(key, None)
    if vector is not None:
        near |= vectors.compare(vector, [each for each in candidates if each not in near])
    found = [_like(own[key], one, near.get(each)) for each, one in candidates.items()]
    found = [one for one in found if one.score > 0 and one.document.status != "yanked"]
    return tuple(sorted(found, key=lambda one: (-one.score, one.document.name))[:limit])


def _like(own: ListingDocument, other: ListingDocument, cosine: float | None) -> Likeness:
    shared = tuple(tag for tag in own.tags if tag in other.tags)
    together = len({*own.tags, *other.tags}) or 1
    score = max(0.0, cosine or 0.0) + _TAGS * len(shared) / together + _TASK * (own.task == other.task)
    return Likeness(other, score, cosine, own.task == other.task, shared)


def _find(schema: tantivy.Schema, searcher: tantivy.Searcher, keys: Iterable[int]) -> dict[int, ListingDocument]:
    wanted = list(keys)
    if not wanted:
        return {}
    query = tantivy.Query.term_set_query(schema, "key", wanted)
    return _listings(searcher, query, len(wanted))


def _with_tags(
    schema: tantivy.Schema, searcher: tantivy.Searcher, listing: ListingDocument
) -> dict[int, ListingDocument]:
    if not listing.tags:
        return {}
    tagged = [
        (tantivy.Occur.Should, tantivy.Query.term_query(schema, facet_field("tag"), tag, "basic"))
        for tag in listing.tags[:8]
    ]
    return _listings(searcher, tantivy.Query.boolean_query(tagged), _OF_A_TAG)


def _listings(searcher: tantivy.Searcher, query: tantivy.Query, most: int) -> dict[int, ListingDocument]:
    hits = searcher.search(query, most, count=False).hits
    found = [from_source(searcher, address) for _, address in hits]
    return {key_of(listing.service_id): listing for listing in found}
