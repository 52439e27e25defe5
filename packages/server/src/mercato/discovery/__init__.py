"""Finding listings: the index's port, what it holds, and how it is fed and asked."""

from mercato.discovery.document import ListingDocument, PriceFact, Vector, from_facts, pack_vector, unpack_vector
from mercato.discovery.indexing import DocumentWriter, IndexKeeper
from mercato.discovery.news import DocumentChanged
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
from mercato.discovery.refusals import CursorOfAnotherSearch
from mercato.discovery.search import Searching, SearchPage

__all__ = [
    "FACETS",
    "REACH",
    "CursorOfAnotherSearch",
    "DocumentChanged",
    "DocumentWriter",
    "Embedder",
    "FacetName",
    "Filters",
    "Hit",
    "IndexAnswer",
    "IndexKeeper",
    "IndexQuery",
    "ListingDocument",
    "PriceFact",
    "Reasons",
    "SearchIndex",
    "SearchPage",
    "Searching",
    "Snippet",
    "Vector",
    "from_facts",
    "pack_vector",
    "unpack_vector",
]
