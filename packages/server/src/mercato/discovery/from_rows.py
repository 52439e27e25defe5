"""Answers from the records, for as long as the index that all processes share does not answer.

Plain words only: no meaning, no misspelling, no synonyms, and of a large catalogue the newest listings that have them.
"""

from collections import Counter
from collections.abc import Sequence

import structlog
from sqlalchemy.exc import DBAPIError

from mercato.discovery.document import ListingDocument, from_facts
from mercato.discovery.numbers import NUMBERS, NumberName, Sort
from mercato.discovery.ports import FacetName, Filters, Hit, IndexAnswer, IndexQuery, Snippet, Suggestion
from mercato.discovery.repository import ListingRepository
from mercato.platform import Database
from mercato_contracts.money import Currency

log = structlog.get_logger(__name__)

_MOST = 500
_MOST_WORDS = 8
_MILLISECONDS = 2_000
_SNIPPET = 200


async def answer_from_rows(database: Database, query: IndexQuery) -> IndexAnswer:
    """The answer of the records, marked as partial; nothing follows its first page."""
    words = query.text.casefold().split()[:_MOST_WORDS]
    listings = [] if query.after is not None else await _read(database, words)
    fitting = [one for one in listings if fits(one, query.filters)]
    ordered = _ordered(fitting, " ".join(words), query.sort, query.filters.currency)
    page = ordered[query.offset : query.offset + query.limit]
    return IndexAnswer(
        tuple(Hit(one, float(len(page) - at), Snippet(one.summary[:_SNIPPET])) for at, one in enumerate(page)),
        len(fitting),
        {name: _count_values(listings, name, query.filters) for name in query.facets},
        steps={name: _count_steps(listings, name, query.filters) for name in query.steps},
        partial=True,
    )


async def suggest_from_rows(database: Database, text: str, limit: int) -> tuple[Suggestion, ...]:
    """Services that have these words, those whose name begins so first."""
    words = text.casefold().split()[:_MOST_WORDS]
    listings = await _read(database, words) if words else []
    begin = " ".join(words)

    def place(one: ListingDocument) -> tuple[bool, int, str]:
        return (not one.title.casefold().startswith(begin), -one.figures.calls, one.name)

    ranked = sorted(listings, key=place)[:limit]
    return tuple(Suggestion("service", one.title, one.figures.calls, one.name) for one in ranked)


def fits(listing: ListingDocument, filters: Filters) -> bool:
    """Whether the listing passes all filters."""
    facets, numbers = listing.facets(), listing.numbers(filters.currency)
    return all(
        not values or not set(values).isdisjoint(facets[name]) for name, values in filters.facets.items()
    ) and all(span.holds(numbers[name]) for name, span in filters.ranges.items())


async def _read(database: Database, words: Sequence[str]) -> list[ListingDocument]:
    try:
        async with database.transaction() as session:
            found = await ListingRepository(session).list_with_words(words, _MOST, _MILLISECONDS)
    except DBAPIError as error:
        log.warning("the records were too slow to answer a search", error=str(error.orig))
        return []
    return [from_facts(facts) for facts in found]


def _ordered(
    listings: Sequence[ListingDocument], words: str, sort: Sort | None, currency: Currency
) -> list[ListingDocument]:
    """By the number, the unknown last; or those that are called so first, then by calls."""
    if sort is not None:
        known = [(one.numbers(currency)[sort.by], one) for one in listings]
        by_number = sorted(
            ((value, one) for value, one in known if value is not None),
            key=lambda pair: -pair[0] if sort.descending else pair[0],
        )
        return [*(one for _, one in by_number), *(one for value, one in known if value is None)]

    def place(one: ListingDocument) -> tuple[int, int]:
        names = (one.name.casefold(), one.name.partition("/")[2].casefold(), one.title.casefold())
        named = 0 if words in names else 1 if any(words in name for name in names) else 2
        return (named, -one.figures.calls)

    return sorted(listings, key=place) if words else list(listings)


def _count_values(
    listings: Sequence[ListingDocument], name: FacetName, filters: Filters
) -> tuple[tuple[str, int], ...]:
    left = [one for one in listings if fits(one, filters.without(name))]
    counts = Counter(value for one in left for value in dict.fromkeys(one.facets()[name]))
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def _count_steps(
    listings: Sequence[ListingDocument], name: NumberName, filters: Filters
) -> tuple[tuple[int, int], ...]:
    values = [one.numbers(filters.currency)[name] for one in listings if fits(one, filters.without(name))]
    known = [value for value in values if value is not None]
    number = NUMBERS[name]
    if number.low_first:
        return tuple((step, sum(value <= step for value in known)) for step in number.steps)
    return tuple((step, sum(value >= step for value in known)) for step in number.steps)
