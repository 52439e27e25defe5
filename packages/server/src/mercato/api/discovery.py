"""Search. Everybody may search; only what is listed, and is not private to others, is found. No transaction: the index
answers from memory."""

from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Depends, Query, Request, Response

from mercato.discovery import (
    FACETS,
    NUMBERS,
    Filters,
    Hit,
    IndexAnswer,
    ListingDocument,
    NumberName,
    Reasons,
    Searching,
    SearchPage,
    make_sort,
)
from mercato.edge.addresses import origin_of
from mercato.edge.listing_filters import filters_of, sort_of
from mercato.edge.viewer import Viewer
from mercato.edge.wiring import running_of
from mercato_contracts.discovery import (
    FacetsAnswer,
    FacetValue,
    ListingFilters,
    MeasuredView,
    NumberFacet,
    PriceView,
    ReasonsView,
    SearchAnswer,
    SearchHit,
    SearchRequest,
    SnippetView,
    StepCount,
    UnderstoodView,
)
from mercato_contracts.listings import CategoryList, CategoryView, ListingView, SuggestAnswer, SuggestionView

router = APIRouter(prefix="/api", tags=["discovery"])

INDEX_STATE = "Mercato-Index"
"""A header of answers that may lack listings: `building` or `catching_up`."""

_WITH_STEPS = tuple(name for name, number in NUMBERS.items() if number.steps)

TASK_TITLES = {
    "embeddings": "Embeddings",
    "chat": "Chat",
    "completion": "Text completion",
    "classification": "Classification",
    "ranking": "Ranking and reranking",
    "speech": "Speech",
    "vision": "Vision",
    "forecasting": "Forecasting",
    "signals": "Trading signals",
    "search": "Search",
    "data": "Data",
    "other": "Everything else",
}


async def get_searching(request: Request, response: Response) -> Searching:
    """The process's search, put there by the app. `async`, because anything else is run on a thread of its own."""
    searching = running_of(request.app).searching
    assert searching is not None, "the role of discovery serves it"
    if searching.state != "whole":
        response.headers[INDEX_STATE] = searching.state
    return searching


class Missing:
    """Notes, once the answer is sent, that nothing fits. Depended on by whatever searches for somebody's words."""

    def __init__(self, request: Request, response: Response, later: BackgroundTasks) -> None:
        self._misses = running_of(request.app).search_misses
        self._asker = origin_of(request)
        self._response = response
        self._later = later

    def note(self, asked: SearchRequest, page: SearchPage) -> None:
        """If the first page has nothing that fits. Answers of an index that may lack listings do not count."""
        found = page.answer.total and not page.answer.doubtful
        if found or self._misses is None or asked.cursor is not None or page.state != "whole" or not asked.q.strip():
            return
        # Kept in memory, the answer would hide who else looks for this.
        self._response.headers["cache-control"] = "no-store"
        self._later.add_task(self._misses.note, asked.q, self._asker)


Misses = Annotated[Missing, Depends()]


@router.get("/search", summary="Find services by plain words, filters and facets")
async def search_services(
    asked: Annotated[SearchRequest, Query()],
    searching: Annotated[Searching, Depends(get_searching)],
    viewer: Viewer,
    misses: Misses,
) -> SearchAnswer:
    """An exact name comes first, then words and meaning together; misspelt words are corrected where little is found.
    Filters of one facet are alternatives, and every facet comes with counts. Words about price, context and order are
    read as filters, unless a listing is called so, and `understood` names them. The cursor of a page goes on without
    repeating what was shown, also where the catalogue changed in between. Words that find nothing that fits are counted
    for operators, without who asked.
    """
    page = await _search(asked, searching, viewer)
    misses.note(asked, page)
    return view_page(page)


@router.get("/facets", summary="Everything to filter services by, with counts")
async def list_facets(
    asked: Annotated[ListingFilters, Query()], searching: Annotated[Searching, Depends(get_searching)], viewer: Viewer
) -> FacetsAnswer:
    """Values of each facet and steps of each number, counted among the services that the words and the other filters
    leave: what is filtered by counts as if it were not.
    """
    filters = filters_of(asked, viewer)
    page = await searching.search(asked.q, filters, limit=0, steps=_WITH_STEPS, understand=asked.understand)
    return _view_counts(page)


async def search_counted(
    asked: SearchRequest, searching: Searching, viewer: str | None, misses: Missing
) -> tuple[SearchAnswer, FacetsAnswer]:
    """A page of hits and everything to filter by, of one search."""
    page = await _search(asked, searching, viewer, _WITH_STEPS)
    misses.note(asked, page)
    return view_page(page), _view_counts(page)


async def _search(
    asked: SearchRequest, searching: Searching, viewer: str | None, steps: tuple[NumberName, ...] = ()
) -> SearchPage:
    return await searching.search(
        asked.q, filters_of(asked, viewer), limit=asked.limit, cursor=asked.cursor, explain=asked.explain,
        sort=sort_of(asked), facets=FACETS if asked.facets else (), steps=steps, understand=asked.understand,
    )  # fmt: skip


def _view_counts(page: SearchPage) -> FacetsAnswer:
    return FacetsAnswer(
        total=page.answer.total,
        facets=_view_facets(page.answer),
        numbers=_view_numbers(page.answer),
        understood=_view_understood(page),
        partial=page.state != "whole",
    )


async def list_of_vendor(
    slug: str, searching: Searching, limit: int, viewer: str | None = None
) -> tuple[list[SearchHit], int]:
    """The vendor's services that are called most, and how many it lists."""
    by_calls = make_sort("calls", None)
    filters = Filters({"vendor": (slug,)}, viewer=viewer)
    found = await searching.search("", filters, limit=limit, sort=by_calls, facets=())
    return [view_hit(hit) for hit in found.answer.hits], found.answer.total


@router.get("/suggest", summary="What somebody may mean who has typed a beginning")
async def suggest_names(
    q: Annotated[str, Query(max_length=100)],
    searching: Annotated[Searching, Depends(get_searching)],
    viewer: Viewer,
    limit: Annotated[int, Query(ge=1, le=20)] = 10,
) -> SuggestAnswer:
    """As you type: tasks, vendors and tags that begin so, then services by name or by a word of their title."""
    found = await searching.suggest(q, limit, viewer)
    return SuggestAnswer(
        items=[
            SuggestionView(kind=one.kind, text=one.text, name=one.name or one.text, count=one.count) for one in found
        ]
    )


@router.get("/categories", summary="What services do: every task, and the services of each that are called most")
async def list_categories(searching: Annotated[Searching, Depends(get_searching)], viewer: Viewer) -> CategoryList:
    """Tasks without a service are left out; the largest come first."""
    tasks = (await searching.search("", Filters(viewer=viewer), limit=0, facets=("task",))).answer.facets["task"]
    by_calls = make_sort("calls", None)
    items = []
    for task, count in tasks:
        filters = Filters({"task": (task,)}, viewer=viewer)
        top = await searching.search("", filters, limit=3, sort=by_calls, facets=())
        listings = [view_listing(hit.document) for hit in top.answer.hits]
        items.append(CategoryView(task=task, title=TASK_TITLES.get(task, task), services=count, top=listings))
    return CategoryList(items=items)


def _in_short(listing: ListingDocument) -> dict[str, Any]:
    """What every view of a listing says of it."""
    return {
        "service_id": listing.service_id,
        "name": listing.name,
        "vendor": listing.vendor,
        "title": listing.title,
        "summary": listing.summary,
        "version": listing.version,
        "protocol": listing.protocol,
        "task": listing.task,
        "licence": listing.licence,
        "tags": list(listing.tags),
        "context_window": listing.context_window,
        "prices": view_prices(listing),
        "measured": view_measured(listing),
        "private": bool(listing.seen_by),
    }


def view_listing(listing: ListingDocument) -> ListingView:
    return ListingView(**_in_short(listing))


def view_short(hit: SearchHit) -> ListingView:
    """A hit without what only a search says of it."""
    return ListingView.model_validate({name: getattr(hit, name) for name in ListingView.model_fields})


def _view_facets(answer: IndexAnswer) -> dict[str, list[FacetValue]]:
    return {
        facet: [FacetValue(value=value, count=count) for value, count in counts]
        for facet, counts in answer.facets.items()
    }


def _view_numbers(answer: IndexAnswer) -> dict[str, NumberFacet]:
    return {
        name: NumberFacet(
            bounds="at_most" if NUMBERS[name].low_first else "at_least",
            steps=[StepCount(bound=bound, count=count) for bound, count in counts],
        )
        for name, counts in answer.steps.items()
    }


def view_page(page: SearchPage) -> SearchAnswer:
    answer = page.answer
    return SearchAnswer(
        items=[view_hit(hit) for hit in answer.hits],
        total=answer.total,
        next=page.next,
        corrected=answer.corrected,
        doubtful=answer.doubtful,
        facets=_view_facets(answer),
        understood=_view_understood(page),
        partial=page.state != "whole",
    )


def _view_understood(page: SearchPage) -> list[UnderstoodView]:
    return [UnderstoodView(words=one.words, name=one.name, value=one.value) for one in page.understood]


def view_hit(hit: Hit) -> SearchHit:
    listing = hit.document
    return SearchHit(
        **_in_short(listing),
        modalities=list(listing.modalities),
        regions=list(listing.regions),
        inputs=list(listing.inputs or listing.modalities),
        outputs=list(listing.outputs or listing.modalities),
        released_at=listing.released_at,
        status=listing.status,
        vendor_verified=listing.verified,
        score=hit.score,
        snippet=SnippetView(text=hit.snippet.text, marks=list(hit.snippet.marks)),
        reasons=None if hit.reasons is None else _view_reasons(hit.reasons),
    )


def view_prices(listing: ListingDocument) -> list[PriceView]:
    return [
        PriceView(
            plan=price.plan,
            currency=price.currency,
            monthly=price.monthly_nanos,
            per_call=price.per_call_nanos,
            per_1k_input_tokens=price.per_1k_input_nanos,
            per_1k_output_tokens=price.per_1k_output_nanos,
        )
        for price in listing.prices
    ]


def view_measured(listing: ListingDocument) -> MeasuredView:
    figures = listing.figures
    return MeasuredView(
        calls=figures.calls,
        consumers=figures.consumers,
        p95_ms=figures.p95_ms,
        availability_bp=figures.availability_bp,
        sla_met=figures.is_met,
        rating=None if figures.rating is None else figures.rating / 100,
        reviews=figures.reviews,
    )


def _view_reasons(reasons: Reasons) -> ReasonsView:
    return ReasonsView(
        exact_name=reasons.exact_name,
        text_rank=reasons.text_rank,
        text_score=reasons.text_score,
        vector_rank=reasons.vector_rank,
        similarity=reasons.similarity,
        corrected=reasons.corrected,
        words={word: list(fields) for word, fields in reasons.words.items()},
    )
