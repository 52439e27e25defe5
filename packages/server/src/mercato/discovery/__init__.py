"""Finding listings: the index's port, what it holds, and how it is fed and asked.

* *Document*: what the index knows of one listed service; it is a row, so that an index can be built again.
* *Embedding*: a vector of a text's meaning; the worker computes those of documents, a search that of its words.
* *Facet*: a property to filter by, such as task or licence, with the number of hits for each value.
* *Hit*: a service that was found, with its score and, on request, the reasons.
* *Reach*: how far down the list a search goes.
"""

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
from mercato.discovery.reembedding import Reembedding
from mercato.discovery.refusals import CursorOfAnotherSearch
from mercato.discovery.rewritten import tell_rewritten
from mercato.discovery.search import Searching, SearchPage
from mercato.discovery.weights import Weights, is_makers_own, prior

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
    "Reembedding",
    "SearchIndex",
    "SearchPage",
    "Searching",
    "Snippet",
    "Vector",
    "Weights",
    "from_facts",
    "is_makers_own",
    "pack_vector",
    "prior",
    "tell_rewritten",
    "unpack_vector",
]
