"""How a listing lies in tantivy: fields to search, fields to filter and count by, and the listing itself."""

import json
from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any

import tantivy

from mercato.adapters.search_embedded.words import ANALYZER, exact_form, loose_form, spaced, with_parts
from mercato.discovery import FACETS, FacetName, Filters, ListingDocument, from_facts
from mercato_contracts.money import Currency

TEXT_WEIGHTS: Mapping[str, float] = {
    "name": 2.0,
    "title": 2.0,
    "tags": 1.5,
    "summary": 1.25,
    "description": 1.0,
    "operations": 0.75,
}
"""What a word counts for in each field."""

_MAX_DESCRIPTION = 20_000
_MAX_OPERATIONS = 50_000
_CALL_PRICE: Mapping[Currency, str] = {"USD": "call_price_usd", "EUR": "call_price_eur"}


def key_of(service_id: str) -> int:
    """The listing's number in both engines, the same in every process; 64 bits, so a million never meet."""
    return int.from_bytes(blake2b(service_id.encode(), digest_size=8).digest(), "big")


def new_schema() -> tantivy.Schema:
    """The fields. `exact` holds whole names, `source` the listing as JSON."""
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("key", indexed=True, fast=True)
    builder.add_text_field("exact", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("exact_name", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("loose", tokenizer_name="raw", index_option="basic")
    for name in TEXT_WEIGHTS:
        builder.add_text_field(name, tokenizer_name=ANALYZER, index_option="freq")
    for facet in FACETS:
        builder.add_text_field(_facet_field(facet), tokenizer_name="raw", fast=True, index_option="basic")
    for field in _CALL_PRICE.values():
        builder.add_integer_field(field, indexed=True, fast=True)
    builder.add_integer_field("released_at", fast=True)
    builder.add_bytes_field("source", stored=True)
    return builder.build()


def to_tantivy(listing: ListingDocument) -> tantivy.Document:
    """The listing as a document of `new_schema`."""
    document = tantivy.Document()
    document.add_unsigned("key", key_of(listing.service_id))
    vendor, _, name = listing.name.partition("/")
    for whole in {exact_form(text) for text in (listing.name, name or vendor, listing.title)} - {""}:
        document.add_text("exact", whole)
    for whole in {exact_form(text) for text in (listing.name, name or vendor)} - {""}:
        document.add_text("exact_name", whole)
    # A name may begin with its maker's: `google/gemini-3.5-flash` of a vendor that resells it.
    for whole in {loose_form(text) for text in (name, name.rpartition("/")[2], listing.title)} - {""}:
        document.add_text("loose", whole)
    for field, words in searched_words(listing).items():
        document.add_text(field, words)
    for facet, values in _facet_values(listing).items():
        for value in dict.fromkeys(values):
            document.add_text(_facet_field(facet), value)
    for currency, field in _CALL_PRICE.items():
        price = listing.price_of_a_call(currency)
        if price is not None:
            document.add_integer(field, price)
    document.add_integer("released_at", int(listing.released_at.timestamp()))
    document.add_bytes("source", _to_source(listing))
    return document


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


def from_tantivy(document: tantivy.Document) -> tuple[ListingDocument, str]:
    """The listing, without its vector, and its digest."""
    source = document.get_first("source")
    assert isinstance(source, bytes)
    facts = json.loads(source)
    digest = facts.pop("digest")
    return from_facts(facts), digest


def filter_clauses(schema: tantivy.Schema, filters: Filters) -> list[tantivy.Query]:
    """One condition a facet that is filtered by, and one for the price. They select and give no score."""
    clauses = [
        tantivy.Query.boolean_query([(tantivy.Occur.Should, _has_value(schema, facet, value)) for value in values])
        for facet, values in filters.facets.items()
        if values
    ]
    if filters.max_call_nanos is not None:
        clauses.append(
            tantivy.Query.range_query(
                schema, _CALL_PRICE[filters.currency], tantivy.FieldType.Integer, 0, filters.max_call_nanos
            )
        )
    return [tantivy.Query.const_score_query(clause, 0.0) for clause in clauses]


FacetCounts = dict[FacetName, tuple[tuple[str, int], ...]]


def count(
    searcher: tantivy.Searcher, query: tantivy.Query, facets: Collection[FacetName], size: int
) -> tuple[int, FacetCounts]:
    """How many listings match, and how many of them have each of the `size` most frequent values, then by name.

    All in one pass: walking through what matches is what costs.
    """
    wanted: dict[str, Any] = {facet: {"terms": {"field": _facet_field(facet), "size": size}} for facet in facets}
    answer = searcher.aggregate(query, {**wanted, "total": {"value_count": {"field": "key"}}})
    return int(answer["total"]["value"]), {facet: _in_order(answer[facet]["buckets"]) for facet in facets}


def _in_order(buckets: list[dict[str, Any]]) -> tuple[tuple[str, int], ...]:
    pairs = [(str(bucket["key"]), int(bucket["doc_count"])) for bucket in buckets]
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def _has_value(schema: tantivy.Schema, facet: FacetName, value: str) -> tantivy.Query:
    return tantivy.Query.term_query(schema, _facet_field(facet), value, "basic")


def _facet_field(facet: FacetName) -> str:
    return f"facet_{facet}"


def _facet_values(listing: ListingDocument) -> dict[FacetName, tuple[str, ...]]:
    return {
        "protocol": (listing.protocol,),
        "task": (listing.task,),
        "modality": listing.modalities,
        "tag": listing.tags,
        "licence": (listing.licence,),
        "vendor": (listing.vendor,),
        "region": listing.regions,
    }


def _to_source(listing: ListingDocument) -> bytes:
    return json.dumps({**listing.to_facts(), "digest": listing.digest()}, separators=(",", ":")).encode()
