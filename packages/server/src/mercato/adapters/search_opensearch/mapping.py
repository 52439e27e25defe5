"""How a listing lies in OpenSearch: fields to search, to filter and count by, its meaning, and the listing itself.

Words are cut, folded and stemmed here, as the embedded engine has them: OpenSearch learns only where one ends,
so a query finds the same in both.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any, get_args

from mercato.adapters.search_embedded import (
    TEXT_WEIGHTS,
    UNKNOWN,
    beginnings,
    facet_field,
    field_of,
    key_of,
    searched_words,
    stored_numbers,
    whole_forms,
)
from mercato.discovery import FACETS, NUMBERS, ListingDocument, from_facts, prior, unpack_vector
from mercato_contracts.money import Currency

FORMAT = 3
"""Raised with every change of the fields: an index of another format is left to older processes, a new one filled."""

VECTOR, SOURCE, DIGEST, KEY, BEGINNINGS, PRIOR = "vector", "listing", "digest", "key", "beginnings", "prior"
SEEN_BY, PRIVATE = "seen_by", "*"
"""Of listings that not everybody sees: who does, and a mark that they are so."""

Analyze = Callable[[str], list[str]]

_WHOLE = {"type": "keyword", "doc_values": False, "norms": False}
_WORDS = {"type": "text", "analyzer": "whitespace", "index_options": "freqs"}


def index_body(dimensions: int, alias: str) -> dict[str, Any]:
    """Settings and fields of an index that is written to by this alias.

    It has one shard: counts are exact, scores compare, and a million listings fit into it.
    """
    fields: dict[str, Any] = {
        **dict.fromkeys(("exact", "exact_name", "loose", BEGINNINGS, SEEN_BY), _WHOLE),
        **dict.fromkeys(TEXT_WEIGHTS, _WORDS),
        **{facet_field(facet): {"type": "keyword"} for facet in FACETS},
        **{field_of(name, currency): {"type": "long"} for name in NUMBERS for currency in get_args(Currency)},
        KEY: {"type": "keyword"},
        DIGEST: {"type": "keyword", "index": False},
        PRIOR: {"type": "float", "index": False},
        SOURCE: {"type": "object", "enabled": False},
        VECTOR: {
            "type": "knn_vector",
            "dimension": dimensions,
            "method": {
                "name": "hnsw", "engine": "lucene", "space_type": "innerproduct",
                "parameters": {"m": 16, "ef_construction": 128},
            },
        },
    }  # fmt: skip
    return {
        "aliases": {alias: {}},
        # The worker refreshes what it wrote; replicas follow the number of nodes.
        "settings": {"index": {"knn": True, "number_of_shards": 1, "auto_expand_replicas": "0-1"}},
        "mappings": {"dynamic": False, "_source": {"includes": [SOURCE, DIGEST]}, "properties": fields},
    }


def to_fields(listing: ListingDocument, analyze: Analyze) -> dict[str, Any]:
    """The listing as a document of `index_body`."""
    facts = listing.to_facts()
    if listing.vector:
        facts["packed_vector"] = base64.b64encode(listing.vector).decode()
    document: dict[str, Any] = {
        KEY: write_key(key_of(listing.service_id)),
        **{field: sorted(wholes) for field, wholes in whole_forms(listing).items()},
        **{field: " ".join(analyze(words)) for field, words in searched_words(listing).items()},
        **{facet_field(facet): list(dict.fromkeys(values)) for facet, values in _facets(listing).items()},
        **{field: number for field, number in stored_numbers(listing).items() if number != UNKNOWN},
        BEGINNINGS: sorted(beginnings(listing)),
        DIGEST: listing.digest(),
        SOURCE: facts,
    }
    if listing.seen_by:
        document[SEEN_BY] = [PRIVATE, *map(viewer_term, listing.seen_by)]
    if weight := prior(listing):
        document[PRIOR] = weight
    if listing.vector:
        document[VECTOR] = unpack_vector(listing.vector).tolist()
    return document


def from_fields(fields: Mapping[str, Any]) -> ListingDocument:
    """The listing, with its vector."""
    facts = dict(fields[SOURCE])
    packed = facts.pop("packed_vector", "")
    return from_facts(facts, base64.b64decode(packed))


def viewer_term(viewer: str) -> str:
    """What `SEEN_BY` holds of an organisation."""
    return f"={viewer}"


def write_key(key: int) -> str:
    """A key as text whose order is that of the numbers."""
    return f"{key:016x}"


def read_key(text: str) -> int:
    """What `write_key` wrote."""
    return int(text, 16)


def _facets(listing: ListingDocument) -> Mapping[Any, tuple[str, ...]]:
    found = listing.facets()
    return {facet: found[facet] for facet in FACETS}
