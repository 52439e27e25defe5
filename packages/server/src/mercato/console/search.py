"""Finding a service: words, facets with counts, filters that are links."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Response

from mercato.api import discovery
from mercato.console.formatting import money
from mercato.console.routes import page_router
from mercato.console.visit import Anybody
from mercato.discovery import FACETS
from mercato_contracts.discovery import PriceView, SearchAnswer, SearchHit

router = page_router()

_NAMES = {
    "task": "Task", "protocol": "Protocol", "vendor": "Vendor", "licence": "Licence", "tag": "Tag",
    "modality": "Modality", "region": "Region",
}  # fmt: skip
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
    answer: SearchAnswer
    hits: Sequence[tuple[SearchHit, str]]
    facets: Sequence[Facet]
    chips: Sequence[tuple[str, str, str]]
    clear: str
    first: str
    next: str


@router.get("/search")
async def search(visit: Anybody, found: Annotated[SearchAnswer, Depends(discovery.search_services)]) -> Response:
    """What matches, by its page."""
    here = visit.here
    facets = []
    for name in sorted(FACETS, key=lambda each: list(_NAMES).index(each) if each in _NAMES else 99):
        links = [
            FacetLink(each.value, each.count, here.toggled(name, each.value), here.has(name, each.value))
            for each in found.facets.get(name, [])
        ]
        if links:
            shown = [link for place, link in enumerate(links) if place < _MOST_VALUES or link.is_on]
            facets.append(Facet(name, _NAMES.get(name, name), shown, len(links) - len(shown)))
    page = SearchPage(
        words=here.get("q"),
        answer=found,
        hits=[(hit, price_line(hit.prices)) for hit in found.items],
        facets=facets,
        chips=here.chips(_NAMES),
        clear=here.with_(**dict.fromkeys(FACETS)),
        first=here.first(),
        next=here.on("cursor", found.next),
    )
    return visit.show("search.html", page, public_seconds=_PUBLIC_SECONDS)


def price_line(prices: Sequence[PriceView]) -> str:
    """The cheapest plan in a few words."""
    if not prices:
        return "no open plan"
    cheapest = min(prices, key=lambda price: (price.per_call + price.per_1k_input_tokens, price.monthly))
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
