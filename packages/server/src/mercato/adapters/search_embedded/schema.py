"""How a listing lies in tantivy: fields to search, fields to filter and count by, and the listing itself."""

from collections.abc import Mapping
from hashlib import blake2b

import tantivy

from mercato.adapters.search_embedded.documents import to_source
from mercato.adapters.search_embedded.numbers import (
    add_number_fields,
    facet_field,
    stored_numbers,
    stored_prior,
    within,
)
from mercato.adapters.search_embedded.suggest import FIELD, add_suggest_field, beginnings
from mercato.adapters.search_embedded.words import ANALYZER, exact_form, loose_form, spaced, with_parts
from mercato.discovery import FACETS, FacetName, Filters, ListingDocument

TEXT_WEIGHTS: Mapping[str, float] = {
    "name": 2.0,
    "title": 2.0,
    "tags": 1.5,
    "summary": 1.25,
    "description": 1.0,
    "operations": 0.75,
}
"""What a word counts for in each field."""

_SEEN_BY = "seen_by"
_PRIVATE = "*"
"""A term of every listing that not everybody sees."""

_MAX_DESCRIPTION = 20_000
_MAX_OPERATIONS = 50_000


def key_of(service_id: str) -> int:
    """The listing's number in both engines, the same in every process; 64 bits, so a million never meet."""
    return int.from_bytes(blake2b(service_id.encode(), digest_size=8).digest(), "big")


def keys_of(searcher: tantivy.Searcher, addresses: list[tantivy.DocAddress]) -> list[int]:
    """The numbers of the listings at these addresses, in their order."""
    keys = searcher.fast_field_values("key", addresses) if addresses else []
    return [int(key) for key in keys if key is not None]


def keys_after(
    schema: tantivy.Schema, searcher: tantivy.Searcher, after: int | None, limit: int
) -> list[tuple[int, tantivy.DocAddress]]:
    """The numbers and addresses of the next listings in the order of their numbers."""
    query = tantivy.Query.all_query()
    if after is not None:
        query = tantivy.Query.range_query(schema, "key", tantivy.FieldType.Unsigned, after, None, include_lower=False)
    hits = searcher.search(query, limit, count=False, order_by_field="key", order=tantivy.Order.Asc).hits
    addresses = [address for _, address in hits]
    return list(zip(keys_of(searcher, addresses), addresses, strict=True))


def new_schema() -> tantivy.Schema:
    """The fields. `exact` holds whole names, `source` the listing as JSON."""
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("key", indexed=True, fast=True)
    builder.add_text_field("exact", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("exact_name", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("loose", tokenizer_name="raw", index_option="basic")
    builder.add_text_field(_SEEN_BY, tokenizer_name="raw", index_option="basic")
    for name in TEXT_WEIGHTS:
        builder.add_text_field(name, tokenizer_name=ANALYZER, index_option="freq")
    for facet in FACETS:
        builder.add_text_field(facet_field(facet), tokenizer_name="raw", fast=True, index_option="basic")
    add_number_fields(builder)
    add_suggest_field(builder)
    builder.add_bytes_field("source", stored=True)
    return builder.build()


def to_tantivy(listing: ListingDocument) -> tantivy.Document:
    """The listing as a document of `new_schema`."""
    document = tantivy.Document()
    document.add_unsigned("key", key_of(listing.service_id))
    for term in (_PRIVATE, *map(_viewer_term, listing.seen_by)) if listing.seen_by else ():
        document.add_text(_SEEN_BY, term)
    for field, wholes in whole_forms(listing).items():
        for whole in wholes:
            document.add_text(field, whole)
    for field, words in searched_words(listing).items():
        document.add_text(field, words)
    values = listing.facets()
    for facet in FACETS:
        for value in dict.fromkeys(values[facet]):
            document.add_text(facet_field(facet), value)
    for beginning in beginnings(listing):
        document.add_text(FIELD, beginning)
    for field, number in stored_numbers(listing).items():
        document.add_integer(field, number)
    document.add_integer(*stored_prior(listing))
    document.add_bytes("source", to_source(listing))
    return document


def whole_forms(listing: ListingDocument) -> dict[str, set[str]]:
    """What the listing is called as a whole, by field: `loose` is what all ways to write it have in common."""
    vendor, _, name = listing.name.partition("/")
    # A name may begin with its maker's: `google/gemini-3.5-flash` of a vendor that resells it.
    loosely = (name, name.rpartition("/")[2], listing.title)
    return {
        "exact": {exact_form(text) for text in (listing.name, name or vendor, listing.title)} - {""},
        "exact_name": {exact_form(text) for text in (listing.name, name or vendor)} - {""},
        "loose": {loose_form(text) for text in loosely} - {""},
    }


def searched_words(listing: ListingDocument) -> dict[str, str]:
    """The words of every searched field, cut and not yet folded and stemmed."""
    texts = {
        "name": with_parts(listing.name),
        "title": listing.title,
        "tags": " ".join((*listing.tags, listing.task)),
        "summary": listing.summary,
        "description": listing.description[:_MAX_DESCRIPTION],
        "operations": with_parts(listing.operations[:_MAX_OPERATIONS]),
    }
    return {field: spaced(text) for field, text in texts.items()}


def filter_clauses(schema: tantivy.Schema, filters: Filters) -> list[tantivy.Query]:
    """One condition a facet or range that is filtered by. They select and give no score."""
    clauses = [
        tantivy.Query.boolean_query([(tantivy.Occur.Should, _has_value(schema, facet, value)) for value in values])
        for facet, values in filters.facets.items()
        if values
    ]
    clauses += [within(schema, name, span, filters.currency) for name, span in filters.ranges.items()]
    return [tantivy.Query.const_score_query(clause, 0.0) for clause in clauses]


def _viewer_term(viewer: str) -> str:
    return f"={viewer}"


def count_private(searcher: tantivy.Searcher) -> int:
    """How many listings, some of them replaced, are not seen by everybody."""
    return searcher.doc_freq(_SEEN_BY, _PRIVATE)


def hidden_from(schema: tantivy.Schema, viewer: str | None) -> tantivy.Query:
    """The listings that are there for others only."""
    private = tantivy.Query.term_query(schema, _SEEN_BY, _PRIVATE, "basic")
    if viewer is None:
        return private
    own = tantivy.Query.term_query(schema, _SEEN_BY, _viewer_term(viewer), "basic")
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, private), (tantivy.Occur.MustNot, own)])


def _has_value(schema: tantivy.Schema, facet: FacetName, value: str) -> tantivy.Query:
    return tantivy.Query.term_query(schema, facet_field(facet), value, "basic")
