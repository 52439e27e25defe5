"""Services side by side, rankings with their rule, vendors as everybody sees them, and what may be wanted next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query, Response

from mercato.api import discovery
from mercato.api import listings as api
from mercato.console.formatting import count, millis, money, share
from mercato.console.query import Address
from mercato.console.routes import page_router
from mercato.console.search import price_line
from mercato.console.visit import Anybody, SignedIn
from mercato.discovery import Searching
from mercato.edge.viewer import Viewer
from mercato.edge.wiring import Transaction
from mercato_contracts.listings import (
    ComparedNumber,
    ComparisonAnswer,
    ListingView,
    RankingAnswer,
    RecommendAnswer,
    RecommendedView,
    VendorView,
)
from mercato_contracts.money import Currency

router = page_router()

_PUBLIC_SECONDS = 30
_MOST = 4
_MOST_OF_VENDOR = 50
_TITLES = {
    "price_per_call": "Price of a call", "price_per_1k_tokens": "Price of a million tokens",
    "price_per_month": "Monthly fee", "context_window": "Context window", "p50": "Measured p50", "p95": "Measured p95",
    "availability": "Measured availability", "rating": "Rating", "calls": "Calls in 30 days",
    "consumers": "Callers in 30 days",
}  # fmt: skip
_RANKINGS = (
    ("use", "Use"), ("growth", "Growth"), ("rating", "Rating"), ("speed", "Speed"), ("availability", "Availability"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the comparison: the values in words, and whether each is the best."""

    title: str
    values: Sequence[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class ComparePage:
    """Everything that the page shows."""

    answer: ComparisonAnswer | None
    lines: Sequence[Line]
    without: Sequence[str]
    others: Sequence[tuple[str, str]]
    may_add: bool


@dataclass(frozen=True, slots=True)
class RankingsPage:
    """Everything that the page shows."""

    answer: RankingAnswer
    tabs: Sequence[tuple[str, str, bool]]
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class VendorPage:
    """Everything that the page shows."""

    vendor: VendorView
    services: Sequence[tuple[ListingView, str]]
    total: int


@dataclass(frozen=True, slots=True)
class RecommendedPage:
    """What may be wanted next, each with its price in a few words."""

    items: Sequence[tuple[RecommendedView, str]]


@router.get("/compare")
async def show_comparison(
    visit: Anybody,
    session: Transaction,
    viewer: Viewer,
    service: Annotated[list[api.FullName], Query(max_length=_MOST)] = [],  # noqa: B006  (FastAPI copies it)
    currency: Currency = "USD",
) -> Response:
    """Up to four services side by side."""
    if not service:
        return visit.show("compare.html", ComparePage(None, [], [], [], may_add=True), public_seconds=_PUBLIC_SECONDS)
    answer = await api.compare_services(service, session, viewer, currency)
    names = [one.listing.name for one in answer.services]
    here = Address(visit.here.path, [("service", name) for name in names])
    page = ComparePage(
        answer=answer,
        lines=[_line(number, currency) for number in answer.numbers],
        without=[here.toggled("service", name) for name in names],
        others=[("service", name) for name in names],
        may_add=len(names) < _MOST,
    )
    return visit.show("compare.html", page, public_seconds=_PUBLIC_SECONDS)


@router.get("/rankings")
async def show_rankings(visit: Anybody, found: Annotated[RankingAnswer, Depends(api.list_rankings)]) -> Response:
    """By use, growth, rating, speed or availability, with the rule and on how much each place rests."""
    page = RankingsPage(
        answer=found,
        tabs=[(title, visit.here.with_(by=name), name == found.by) for name, title in _RANKINGS],
        values=[_ranked(found, one.value) for one in found.items],
    )
    return visit.show("rankings.html", page, public_seconds=_PUBLIC_SECONDS)


@router.get("/vendors/{slug}")
async def show_vendor(
    visit: Anybody,
    found: Annotated[VendorView, Depends(api.get_vendor)],
    searching: Annotated[Searching, Depends(discovery.get_searching)],
    viewer: Viewer,
) -> Response:
    """Who it is, and what it lists."""
    hits, total = await discovery.list_of_vendor(found.slug, searching, _MOST_OF_VENDOR, viewer)
    services = [(discovery.view_short(hit), price_line(hit.prices)) for hit in hits]
    return visit.show("vendor_public.html", VendorPage(found, services, total), public_seconds=_PUBLIC_SECONDS)


@router.get("/recommended")
async def show_recommended(
    visit: SignedIn, found: Annotated[RecommendAnswer, Depends(api.recommend_services)]
) -> Response:
    """Used together with what the organisation calls, like it, or rising; each says why."""
    items = [(one, price_line(one.listing.prices)) for one in found.items]
    return visit.show("recommended.html", RecommendedPage(items))


def _line(number: ComparedNumber, currency: Currency) -> Line:
    values = [(_words(number, value, currency), place in number.best) for place, value in enumerate(number.values)]
    return Line(_TITLES.get(number.name, number.name), values)


def _words(number: ComparedNumber, value: int | None, currency: Currency) -> str:
    if value is None:
        return "—"
    if number.unit == "nanos":
        return money(value * 1_000 if number.name == "price_per_1k_tokens" else value, currency)
    if number.unit == "us":
        return millis(value)
    if number.unit == "bp":
        return share(value)
    return f"{value / 100:.2f} of 5" if number.unit == "hundredths" else count(value)


def _ranked(found: RankingAnswer, value: int) -> str:
    words = {"speed": millis, "availability": share, "use": count}
    if found.by == "rating":
        return f"{value / 100:.2f}"
    return f"{value / 1000:.1f} σ" if found.by == "growth" else words[found.by](value)
