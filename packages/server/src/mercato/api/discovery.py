"""Search. Everybody may search; only what is listed is found. No transaction: the index answers from memory."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from mercato.discovery import FACETS, Filters, Hit, Reasons, Searching, SearchPage
from mercato.edge.wiring import running_of
from mercato_contracts.discovery import (
    FacetValue,
    PriceView,
    ReasonsView,
    SearchAnswer,
    SearchHit,
    SearchRequest,
    SnippetView,
)

router = APIRouter(prefix="/api", tags=["discovery"])


async def get_searching(request: Request) -> Searching:
    """The process's search, put there by the app. `async`, because anything else is run on a thread of its own."""
    searching = running_of(request.app).searching
    assert searching is not None, "the role of discovery serves it"
    return searching


@router.get("/search", summary="Find services by plain words, filters and facets")
async def search_services(
    asked: Annotated[SearchRequest, Query()], searching: Annotated[Searching, Depends(get_searching)]
) -> SearchAnswer:
    """An exact name comes first, then words and meaning together; misspelt words are corrected where little is found.
    Filters of one facet are alternatives, and every facet comes with counts.
    """
    facets = {facet: tuple(getattr(asked, facet)) for facet in FACETS}
    page = await searching.search(
        asked.q,
        Filters(facets, asked.max_price_per_call, asked.currency),
        limit=asked.limit,
        cursor=asked.cursor,
        explain=asked.explain,
    )
    return view_page(page)


def view_page(page: SearchPage) -> SearchAnswer:
    answer = page.answer
    return SearchAnswer(
        items=[view_hit(hit) for hit in answer.hits],
        total=answer.total,
        next=page.next,
        corrected=answer.corrected,
        doubtful=answer.doubtful,
        facets={
            facet: [FacetValue(value=value, count=count) for value, count in counts]
            for facet, counts in answer.facets.items()
        },
    )


def view_hit(hit: Hit) -> SearchHit:
    listing = hit.document
    return SearchHit(
        service_id=listing.service_id,
        name=listing.name,
        vendor=listing.vendor,
        title=listing.title,
        summary=listing.summary,
        version=listing.version,
        protocol=listing.protocol,
        task=listing.task,
        licence=listing.licence,
        tags=list(listing.tags),
        modalities=list(listing.modalities),
        regions=list(listing.regions),
        context_window=listing.context_window,
        prices=[
            PriceView(
                plan=price.plan,
                currency=price.currency,
                monthly=price.monthly_nanos,
                per_call=price.per_call_nanos,
                per_1k_input_tokens=price.per_1k_input_nanos,
                per_1k_output_tokens=price.per_1k_output_nanos,
            )
            for price in listing.prices
        ],
        released_at=listing.released_at,
        score=hit.score,
        snippet=SnippetView(text=hit.snippet.text, marks=list(hit.snippet.marks)),
        reasons=None if hit.reasons is None else _view_reasons(hit.reasons),
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
