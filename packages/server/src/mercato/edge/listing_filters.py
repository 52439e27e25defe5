"""A search's filters as the index reads them: shared by the API and by the pages."""

from datetime import UTC, datetime

from mercato.discovery import FACETS, NUMBERS, Filters, NumberName, Range, Sort, make_range, make_sort
from mercato_contracts.discovery import ListingFilters, SearchRequest


def filters_of(asked: ListingFilters, viewer: str | None = None) -> Filters:
    """Raises `RangeUpsideDown`."""
    facets = {facet: tuple(getattr(asked, facet)) for facet in FACETS}
    ranges: dict[NumberName, Range] = {}
    for name in NUMBERS:
        span = make_range(name, *_bounds(asked, name))
        if span is not None:
            ranges[name] = span
    return Filters(facets, ranges, asked.currency, viewer)


def sort_of(asked: SearchRequest) -> Sort | None:
    """The order that was asked for; `None` for the best answers first."""
    return None if asked.sort == "relevance" else make_sort(asked.sort, asked.order)


def _bounds(asked: ListingFilters, name: NumberName) -> tuple[int | None, int | None]:
    if name == "released":
        return _seconds(asked.released_since), _seconds(asked.released_until)
    least, most = getattr(asked, f"min_{name}"), getattr(asked, f"max_{name}")
    return (_hundredths(least), _hundredths(most)) if name == "rating" else (least, most)


def _hundredths(stars: float | None) -> int | None:
    return None if stars is None else round(stars * 100)


def _seconds(at: datetime | None) -> int | None:
    if at is None:
        return None
    moment = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0, int(moment.timestamp()))
