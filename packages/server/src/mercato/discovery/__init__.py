"""Finding listings: the index's port, what it holds, and how it is fed and asked."""

from mercato.discovery.document import ListingDocument, PriceFact, Vector, pack_vector, unpack_vector
from mercato.discovery.ports import (
    FACETS,
    REACH,
    Embedder,
    FacetName,
    Filters,
    Hit,
    IndexAnswer,
    IndexQuery,
    Reasons,
    SearchIndex,
    Snippet,
)

__all__ = [
    "FACETS",
    "REACH",
    "Embedder",
    "FacetName",
    "Filters",
    "Hit",
    "IndexAnswer",
    "IndexQuery",
    "ListingDocument",
    "PriceFact",
    "Reasons",
    "SearchIndex",
    "Snippet",
    "Vector",
    "pack_vector",
    "unpack_vector",
]
