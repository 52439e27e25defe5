"""What somebody may be typing: every beginning of a listing's names is a term, so that one lookup finds them all.

Terms begin with what they are of: `n` a name or the words of a title, `v` a vendor, `t` a task, `g` a tag.
"""

from collections.abc import Callable, Iterable, Iterator

import tantivy

from mercato.adapters.search_embedded.numbers import facet_field, field_of
from mercato.adapters.search_embedded.words import clean
from mercato.discovery import FacetName, ListingDocument, Suggestion, SuggestionKind

FIELD = "beginnings"
LONGEST = 24
_WORDS_OF_A_TITLE = 6
LOOKED_AT = 40
KINDS: tuple[tuple[SuggestionKind, FacetName, str], ...] = (
    ("task", "task", "t"),
    ("vendor", "vendor", "v"),
    ("tag", "tag", "g"),
)
_OF_A_KIND = 3


def add_suggest_field(builder: tantivy.SchemaBuilder) -> None:
    """Declare the field of beginnings."""
    builder.add_text_field(FIELD, tokenizer_name="raw", index_option="basic")


def beginnings(listing: ListingDocument) -> set[str]:
    """The terms of a listing."""
    vendor, _, name = listing.name.partition("/")
    title = fold(listing.title).split()
    whole = [fold(listing.name), fold(name or vendor)]
    whole += [" ".join(title[at:]) for at in range(min(len(title), _WORDS_OF_A_TITLE))]
    whole += _parts(fold(name))
    found = {f"n{beginning}" for text in whole for beginning in _begin(text)}
    found.update(f"={text}" for text in (*whole[:2], " ".join(title)))
    for prefix, values in (("v", (listing.vendor,)), ("t", (listing.task,)), ("g", listing.tags)):
        found.update(f"{prefix}{beginning}" for value in values for beginning in _begin(fold(value)))
    return found


def fold(text: str) -> str:
    """As people type: without capitals, signs of emphasis and double blanks."""
    return " ".join(clean(text).casefold().split())


def suggestions(
    schema: tantivy.Schema, searcher: tantivy.Searcher, seen: Callable[[tantivy.Query], tantivy.Query],
    read: Callable[[list[tantivy.DocAddress]], list[ListingDocument]], text: str, limit: int,
) -> tuple[Suggestion, ...]:  # fmt: skip
    """Tasks, vendors and tags that begin so, at most three of each, then the services that are called most; `seen`
    leaves of a query what may be shown, `read` gives the listings."""
    typed = fold(text)[:LONGEST]
    if not typed:
        return ()
    found: list[Suggestion] = []
    for kind, facet, prefix in KINDS:
        if not searcher.doc_freq(FIELD, f"{prefix}{typed}"):
            continue
        terms = {"terms": {"field": facet_field(facet), "size": LOOKED_AT}}
        buckets = searcher.aggregate(seen(_term(schema, prefix, typed)), {"values": terms})["values"]["buckets"]
        counts = [(str(one["key"]), int(one["doc_count"])) for one in buckets]
        found += suggest_values(kind, counts, typed)
    services: dict[str, tuple[ListingDocument, int]] = {}
    # The whole name first: a service with few calls may stand far behind others whose names go on.
    for prefix in ("=", "n"):
        query = seen(_term(schema, prefix, typed))
        hits = searcher.search(query, LOOKED_AT, count=False, order_by_field=field_of("calls", "USD")).hits
        listings = read([address for _, address in hits])
        services |= {one.service_id: (one, int(calls)) for one, (calls, _) in zip(listings, hits, strict=True)}
    return tuple([*found, *ranked_services(typed, list(services.values()))][:limit])


def _term(schema: tantivy.Schema, prefix: str, typed: str) -> tantivy.Query:
    return tantivy.Query.term_query(schema, FIELD, f"{prefix}{typed}", "basic")


def suggest_values(kind: SuggestionKind, counts: Iterable[tuple[str, int]], typed: str) -> list[Suggestion]:
    """The values that begin so, those of most services first."""
    fitting = sorted((-count, value) for value, count in counts if fold(value).startswith(typed))
    return [Suggestion(kind, value, -count) for count, value in fitting[:_OF_A_KIND]]


def ranked_services(typed: str, services: list[tuple[ListingDocument, int]]) -> list[Suggestion]:
    """Those whose name or title begins so before those with such a word, then by calls, then by name."""

    def place(row: tuple[ListingDocument, int]) -> tuple[int, int, int, str]:
        listing, calls = row
        name = fold(listing.name.partition("/")[2])
        title = fold(listing.title)
        starts = 0 if typed in (name, title) else 1 if name.startswith(typed) or title.startswith(typed) else 2
        return (starts, -calls, len(listing.name), listing.name)

    ordered = sorted(services, key=place)
    return [Suggestion("service", listing.title, calls, listing.name) for listing, calls in ordered]


def _begin(text: str) -> Iterator[str]:
    return (text[:end] for end in range(1, min(len(text), LONGEST) + 1))


def _parts(name: str) -> list[str]:
    return [part for part in name.replace("_", "-").replace(".", "-").split("-")[1:] if part]
