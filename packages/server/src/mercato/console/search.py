"""Finding a service: words, facets with counts, filters that are links."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Response

from mercato.api import discovery
from mercato.api.discovery import get_searching
from mercato.console.formatting import money
from mercato.console.query import Address
from mercato.console.routes import page_router
from mercato.console.search_words import FACET_NAMES, SORTS, TITLES, words_of
from mercato.console.visit import Anybody
from mercato.discovery import Searching
from mercato.edge.viewer import Viewer
from mercato_contracts.discovery import (
    FacetsAnswer,
    PriceView,
    SearchAnswer,
    SearchHit,
    SearchRequest,
    UnderstoodView,
)
from mercato_contracts.listings import SuggestionView

router = page_router()

_MOST_VALUES = 12
_PUBLIC_SECONDS = 10


@dataclass(frozen=True, slots=True)
class FacetLink:
    """A value of a facet, how many match, and where a click leads."""

    value: str
    count: int
    address: str
    is_on: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A group of links."""

    name: str
    title: str
    links: Sequence[FacetLink]
    more: int


@dataclass(frozen=True, slots=True)
class SearchPage:
    """Everything that the page shows."""

    words: str
    sort: str
    sorts: Sequence[tuple[str, str]]
    explained: bool
    why: str
    answer: SearchAnswer
    hits: Sequence[tuple[SearchHit, str, Sequence[str]]]
    facets: Sequence[Facet]
    chips: Sequence[tuple[str, str, str]]
    understood: Sequence[tuple[str, str]]
    literal: str
    clear: str
    save: str
    asks: bool
    """Whether somebody who is signed in is asked what they found of each result."""
    first: str
    next: str


@dataclass(frozen=True, slots=True)
class SuggestPage:
    """Suggestions for the typed letters; the field of the search takes the options out of it."""

    typed: str
    found: Sequence[SuggestionView]


@router.get("/search")
async def search(
    visit: Anybody,
    asked: Annotated[SearchRequest, Query()],
    searching: Annotated[Searching, Depends(get_searching)],
    viewer: Viewer,
    misses: discovery.Misses,
) -> Response:
    """What matches, by its page."""
    here = visit.here
    found, counted = await discovery.search_counted(asked, searching, viewer, misses)
    page = SearchPage(
        words=here.get("q"),
        sort=asked.sort,
        sorts=SORTS,
        explained=asked.explain,
        why=here.with_(explain=None if asked.explain else "true"),
        answer=found,
        hits=[(hit, price_line(hit.prices), reasons_of(hit)) for hit in found.items],
        facets=[*_values(counted, here), *_steps(counted, asked, here)],
        chips=_chips(here, asked.currency),
        understood=[(one.words, _meaning_of(one, asked.currency)) for one in found.understood],
        literal=here.with_(understand="false"),
        clear=here.with_(**dict.fromkeys(TITLES)),
        save=here.query(("sort", "order", "explain", "limit")),
        asks=visit.person is not None and bool(here.get("q")) and asked.sort == "relevance" and not here.first(),
        first=here.first(),
        next=here.on("cursor", found.next),
    )
    return visit.show("search.html", page, public_seconds=_PUBLIC_SECONDS)


@router.get("/search/suggest")
async def suggest(
    visit: Anybody,
    searching: Annotated[Searching, Depends(get_searching)],
    viewer: Viewer,
    q: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The suggestions below the field, as somebody types."""
    found = await discovery.suggest_names(q[:100], searching, viewer, 8)
    return visit.show("search_suggest.html", SuggestPage(q, found.items), public_seconds=_PUBLIC_SECONDS)


def _chips(here: Address, currency: str) -> list[tuple[str, str, str]]:
    """The filters in force: what each is called, its value, and the page without it."""
    known = [pair for pair in here.pairs if pair[0] in TITLES]
    return [(TITLES[name], words_of(name, value, currency), here.toggled(name, value)) for name, value in known]


def _meaning_of(understood: UnderstoodView, currency: str) -> str:
    """What words of the query were read as: a filter's name with its value, or an order."""
    if understood.name == "sort":
        return f"order: {dict(SORTS)[understood.value]}"
    title = TITLES.get(understood.name, understood.name)
    return f"{title}: {words_of(understood.name, understood.value, currency)}"


def _values(counted: FacetsAnswer, here: Address) -> Sequence[Facet]:
    facets = []
    for name in FACET_NAMES:
        links = [
            FacetLink(each.value, each.count, here.toggled(name, each.value), here.has(name, each.value))
            for each in counted.facets.get(name, [])
        ]
        if links:
            shown = [link for place, link in enumerate(links) if place < _MOST_VALUES or link.is_on]
            facets.append(Facet(name, TITLES[name], shown, len(links) - len(shown)))
    return facets


def _steps(counted: FacetsAnswer, asked: SearchRequest, here: Address) -> Sequence[Facet]:
    facets = []
    for name, number in counted.numbers.items():
        parameter = f"{'max' if number.bounds == 'at_most' else 'min'}_{name}"
        links = []
        for step in number.steps:
            value = str(step.bound // 100 if name == "rating" else step.bound)
            if name == "rating" and step.bound % 100:
                value = str(step.bound / 100)
            is_on = here.has(parameter, value)
            address = here.with_(**{parameter: None if is_on else value})
            if step.count or is_on:
                links.append(FacetLink(words_of(parameter, value, asked.currency), step.count, address, is_on))
        if links:
            facets.append(Facet(name, TITLES[parameter], links, 0))
    return facets


def reasons_of(hit: SearchHit) -> Sequence[str]:
    """Why a hit has its rank, in words; empty unless requested."""
    reasons = hit.reasons
    if reasons is None:
        return []
    found = ["its name is exactly what was asked"] if reasons.exact_name else []
    if reasons.text_rank is not None:
        places = "; ".join(f"{word} in {' and '.join(fields)}" for word, fields in reasons.words.items())
        found.append(f"number {reasons.text_rank} by its words" + (f": {places}" if places else ""))
    if reasons.vector_rank is not None and reasons.similarity is not None:
        found.append(f"number {reasons.vector_rank} by meaning, {reasons.similarity:.2f} alike")
    if reasons.corrected:
        found.append("a misspelt word was read as its neighbour")
    return found


def price_line(prices: Sequence[PriceView]) -> str:
    """The cheapest plan in a few words."""
    if not prices:
        return "no open plan"
    cheapest = min(prices, key=PriceView.to_begin_with)
    parts = [
        f"{money(nanos, cheapest.currency)} {unit}"
        for nanos, unit in (
            (cheapest.per_call, "a call"),
            (cheapest.per_1k_input_tokens * 1000, "a million tokens in"),
            (cheapest.per_1k_output_tokens * 1000, "a million tokens out"),
            (cheapest.monthly, "a month"),
        )
        if nanos
    ]
    return " · ".join(parts) or "free"
