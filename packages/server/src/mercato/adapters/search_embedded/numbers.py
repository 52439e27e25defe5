"""A listing's numbers in tantivy: ranges, their counts, and lists in the order of one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import tantivy

from mercato.discovery import NUMBERS, FacetName, ListingDocument, NumberName, Range, Sort, prior
from mercato_contracts.money import Currency

UNKNOWN = -1
"""Stored where a listing does not have the number: below every other one."""

_PRIOR = "prior_millis"

_HIGHEST = 2**62
_CURRENCIES: tuple[Currency, ...] = get_args(Currency)

Row = tuple[int, int, tantivy.DocAddress]
"""A number, the key of its listing, and where that lies."""


@dataclass(frozen=True, slots=True)
class Place:
    """Between two listings of an order: after the one with this number and key."""

    value: int
    key: int


def facet_field(facet: FacetName) -> str:
    """The field of a facet's values."""
    return f"facet_{facet}"


def field_of(name: NumberName, currency: Currency) -> str:
    """The field of a number; prices have one a currency."""
    return f"number_{name}_{currency.lower()}" if NUMBERS[name].of_currency else f"number_{name}"


def add_number_fields(builder: tantivy.SchemaBuilder) -> None:
    """Declare a field for each number."""
    for field in dict.fromkeys(field_of(name, currency) for name in NUMBERS for currency in _CURRENCIES):
        builder.add_integer_field(field, indexed=True, fast=True)
    builder.add_integer_field(_PRIOR, indexed=True, fast=True)


def stored_numbers(listing: ListingDocument) -> dict[str, int]:
    """The value of every field."""
    found: dict[str, int] = {}
    for currency in _CURRENCIES:
        numbers = listing.numbers(currency)
        for name in NUMBERS:
            value = numbers[name]
            found[field_of(name, currency)] = UNKNOWN if value is None else min(value, _HIGHEST)
    return found


def stored_prior(listing: ListingDocument) -> tuple[str, int]:
    """The field of what is added to the listing's score, and that in thousandths."""
    return _PRIOR, round(1_000 * prior(listing))


def read_priors(schema: tantivy.Schema, searcher: tantivy.Searcher) -> dict[int, float]:
    """What is added to the scores of listings, by key, where it is anything."""
    found: dict[int, float] = {}
    for low, high in ((-_HIGHEST, -1), (1, _HIGHEST)):
        query = tantivy.Query.range_query(schema, _PRIOR, tantivy.FieldType.Integer, low, high)
        hits = searcher.search(query, max(1, searcher.num_docs), count=False, order_by_field=_PRIOR).hits
        addresses = [address for _, address in hits]
        keys = searcher.fast_field_values("key", addresses) if addresses else []
        found |= {int(key or 0): int(value) / 1_000 for (value, _), key in zip(hits, keys, strict=True)}
    return found


def within(schema: tantivy.Schema, name: NumberName, span: Range, currency: Currency) -> tantivy.Query:
    """Listings whose number lies in the range."""
    least = max(0, span.least or 0)
    return _between(schema, field_of(name, currency), least, _HIGHEST if span.most is None else span.most)


def step_counts(name: NumberName, currency: Currency) -> dict[str, Any]:
    """What to ask the engine for the counts of a number's steps; `read_steps` reads the answer."""
    bounds = _bounds(name)
    ranges = [{"from": low, "to": high} for low, high in zip([0, *bounds], [*bounds, _HIGHEST], strict=True)]
    return {
        "range": {"field": field_of(name, currency), "ranges": [each for each in ranges if each["from"] < each["to"]]}
    }


def read_steps(name: NumberName, answer: dict[str, Any]) -> tuple[tuple[int, int], ...]:
    """How many listings keep each step: are at most it where less is better, at least it otherwise."""
    found = {int(bucket["from"]): int(bucket["doc_count"]) for bucket in answer["buckets"] if "from" in bucket}
    number = NUMBERS[name]
    if number.low_first:
        return tuple((step, sum(count for low, count in found.items() if 0 <= low <= step)) for step in number.steps)
    return tuple((step, sum(count for low, count in found.items() if low >= step)) for step in number.steps)


class Ordered:
    """Lists of listings by one number, then by key, the unknown last. One order of one snapshot."""

    def __init__(
        self, schema: tantivy.Schema, searcher: tantivy.Searcher, under: tantivy.Query, sort: Sort, currency: Currency
    ) -> None:
        self._schema = schema
        self._searcher = searcher
        self._under = under
        self._field = field_of(sort.by, currency)
        self._descending = sort.descending

    def page(self, after: Place | None, limit: int) -> list[Row]:
        """At most `limit` listings after this place, or the first."""
        if limit <= 0:
            return []
        rows: list[Row] = []
        if after is None or after.value != UNKNOWN:
            rows = self._known(after, limit)
        if len(rows) < limit:
            key = after.key if after is not None and after.value == UNKNOWN else None
            rows += self._equal(UNKNOWN, key, limit - len(rows))
        return rows

    def _known(self, after: Place | None, limit: int) -> list[Row]:
        rows = [] if after is None else self._equal(after.value, after.key, limit)
        low, high = 0, _HIGHEST
        if after is not None:
            low, high = (0, after.value - 1) if self._descending else (after.value + 1, _HIGHEST)
        if len(rows) == limit or low > high:
            return rows
        found = self._top(_between(self._schema, self._field, low, high), self._field, limit - len(rows))
        if not found:
            return rows
        # The engine cuts among equals as they lie: those of the last number are asked for in the order of their keys.
        last = found[-1][0]
        whole = sorted((row for row in found if row[0] != last), key=self._place)
        return rows + whole + self._equal(last, None, limit - len(rows) - len(whole))

    def _place(self, row: Row) -> tuple[int, int]:
        return (-row[0] if self._descending else row[0], row[1])

    def _equal(self, value: int, after_key: int | None, limit: int) -> list[Row]:
        """Those with exactly this number, in the order of their keys."""
        query = tantivy.Query.term_query(self._schema, self._field, value, "basic")
        if after_key is not None:
            later = tantivy.Query.range_query(
                self._schema, "key", tantivy.FieldType.Unsigned, after_key, None, include_lower=False
            )
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, later)])
        return [(value, key, address) for key, _, address in self._top(query, "key", limit)]

    def _top(self, query: tantivy.Query, field: str, limit: int) -> list[Row]:
        if limit <= 0:
            return []
        both = tantivy.Query.boolean_query([(tantivy.Occur.Must, self._under), (tantivy.Occur.Must, query)])
        order = tantivy.Order.Desc if self._descending and field != "key" else tantivy.Order.Asc
        hits = self._searcher.search(both, limit, count=False, order_by_field=field, order=order).hits
        addresses = [address for _, address in hits]
        keys = self._searcher.fast_field_values("key", addresses) if addresses else []
        return [(int(value), int(key or 0), address) for (value, address), key in zip(hits, keys, strict=True)]


def sorted_by(
    searcher: tantivy.Searcher, sort: Sort, currency: Currency, addresses: Sequence[tuple[int, tantivy.DocAddress]]
) -> list[int]:
    """These keys in the order of the number, equals as they stood."""
    field = field_of(sort.by, currency)
    values = searcher.fast_field_values(field, [address for _, address in addresses]) if addresses else []
    known = {key: int(UNKNOWN if value is None else value) for (key, _), value in zip(addresses, values, strict=True)}

    def place(key: int) -> tuple[bool, int]:
        return known[key] == UNKNOWN, -known[key] if sort.descending else known[key]

    return sorted(known, key=place)


def _bounds(name: NumberName) -> list[int]:
    """Where the engine's ranges end, without the end itself: one after the step where less is better."""
    number = NUMBERS[name]
    return [step + 1 if number.low_first else step for step in number.steps]


def _between(schema: tantivy.Schema, field: str, low: int, high: int) -> tantivy.Query:
    if low > high:
        return tantivy.Query.empty_query()
    return tantivy.Query.range_query(schema, field, tantivy.FieldType.Integer, low, min(high, _HIGHEST))
