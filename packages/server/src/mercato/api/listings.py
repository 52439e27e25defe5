"""Listings beside search: what is similar, comparisons, vendors, measured figures, rankings. Open to everybody."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime, StringConstraints

from mercato.api import discovery
from mercato.api.comparison import compared_numbers, view_exactly
from mercato.api.discovery import view_listing
from mercato.api.publishing_views import view_plan
from mercato.consumption import SeriesStep, ServiceSeries
from mercato.discovery import (
    RULES,
    Likeness,
    ListedService,
    RankingName,
    Recommending,
    Searching,
    Showing,
    rank_listings,
)
from mercato.edge.caller import SignedIn
from mercato.edge.route import TransactionalRoute
from mercato.edge.viewer import Viewer, kept_by
from mercato.edge.wiring import Parts, Transaction, running_of
from mercato_contracts.listings import (
    ComparedService,
    ComparisonAnswer,
    MeasuredSeries,
    MeasuredStep,
    RankedService,
    RankingAnswer,
    RecommendAnswer,
    RecommendedView,
    SimilarAnswer,
    SimilarView,
    TrendingAnswer,
    TrendingView,
    VendorView,
)
from mercato_contracts.manifest import Task
from mercato_contracts.money import Currency
from mercato_contracts.wire import Slug

router = APIRouter(prefix="/api", tags=["discovery"], route_class=TransactionalRoute)

_KEPT = 30
Few = Annotated[int, Query(ge=1, le=50)]
_NAME = r"^[a-z0-9][a-z0-9-]{0,62}/[a-z0-9][a-z0-9-]{0,62}$"
FullName = Annotated[str, StringConstraints(pattern=_NAME)]
Compared = Annotated[list[FullName], Query(alias="service", min_length=1, max_length=4)]
Engine = Annotated[Searching, Depends(discovery.get_searching)]


@router.get("/services/{vendor}/{name}/similar", summary="Services that are like this one, and why")
async def find_similar(
    vendor: str, name: str, session: Transaction, searching: Engine, viewer: Viewer, limit: Few = 6
) -> SimilarAnswer:
    """Near in meaning, of the same task, or with the same tags; the most similar first."""
    (listed,) = await Showing(session, viewer).services([(vendor, name)])
    found = await searching.find_similar(listed.document.service_id, limit, viewer)
    return view_similar(found)


@router.get("/compare", summary="Up to four services side by side: prices, terms, measured figures")
async def compare_services(
    services: Compared, session: Transaction, viewer: Viewer, currency: Currency = "USD"
) -> ComparisonAnswer:
    """In the order asked; one that is named twice is shown once. `numbers` says which is best at what."""
    names = [name.partition("/") for name in dict.fromkeys(services)]
    found = await Showing(session, viewer).services([(vendor, name) for vendor, _, name in names])
    return ComparisonAnswer(
        currency=currency,
        services=[_view_compared(one) for one in found],
        numbers=compared_numbers(found, currency),
    )


@router.get("/vendors/{slug}", summary="A vendor: who it is, what it lists, how its services do")
async def get_vendor(slug: Slug, session: Transaction, response: Response, viewer: Viewer) -> VendorView:
    """Organisations that list nothing are not shown. `GET /api/search?vendor=` lists the services."""
    response.headers["cache-control"] = kept_by(viewer, _KEPT)
    page = await Showing(session, viewer).vendor(slug)
    return VendorView(
        slug=page.organisation.slug,
        name=page.organisation.name,
        verified=page.organisation.is_verified,
        since=page.organisation.created_at,
        services=len(page.services),
        tasks=sorted({service.task for service in page.services}),
        calls=page.calls,
        rating=round(page.stars / page.reviews, 2) if page.reviews else None,
        reviews=page.reviews,
    )


@router.get("/services/{vendor}/{name}/measured", summary="How a service did, by hour or day, measured at the gateways")
async def read_measured(
    vendor: str,
    name: str,
    session: Transaction,
    parts: Parts,
    response: Response,
    viewer: Viewer,
    step: SeriesStep = "day",
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
) -> MeasuredSeries:
    """Calls, failures by the vendor's fault, p50 and p95 of each step, in UTC. Left out, `since` is 30 days or two days
    back; hours are kept for 100 days.
    """
    response.headers["cache-control"] = kept_by(viewer, _KEPT)
    (listed,) = await Showing(session, viewer).services([(vendor, name)])
    found = await ServiceSeries(session, parts.clock).of(listed.document.service_id, step, since, until)
    end = until or parts.clock.now()
    return MeasuredSeries(
        service=listed.document.name,
        step=step,
        since=found[0].start if found else end,
        until=end,
        measured=view_exactly(listed.figures),
        steps=[
            MeasuredStep(
                start=one.start,
                calls=one.health.calls,
                failed=one.health.failed,
                availability_bp=one.health.availability_bp,
                p50_us=one.p50_us,
                p95_us=one.health.p95_us,
            )
            for one in found
        ],
    )


@router.get("/trending", summary="Services that more organisations call of late than before")
async def list_trending(
    session: Transaction, response: Response, viewer: Viewer, task: Task | None = None, limit: Few = 20
) -> TrendingAnswer:
    """Recent days count more: half as much every 3 days, against a mean of 14 days. The vendor's own calls do not
    count, and an organisation counts once a day, however often it calls.
    """
    response.headers["cache-control"] = kept_by(viewer, _KEPT)
    found = await rank_listings(session, "growth", limit, task, viewer)
    return TrendingAnswer(
        items=[
            TrendingView(listing=view_listing(one.document), trend_millis=one.value, consumers=one.sample)
            for one in found
        ]
    )


@router.get("/recommend", summary="Services that the caller's organisation may want next, and why")
async def recommend_services(
    caller: SignedIn, session: Transaction, request: Request, parts: Parts, searching: Engine, limit: Few = 10
) -> RecommendAnswer:
    """From what the organisation called in 90 days: what others use together with it, what is like it, and what rises;
    blended, without what it uses or sells itself. Fewer than three organisations are never counted as others.
    """
    memory = running_of(request.app).market_memory
    assert memory is not None, "the role of discovery serves it"
    found = await Recommending(session, parts.clock, memory, searching).recommend(caller, limit)
    return RecommendAnswer(
        items=[
            RecommendedView(listing=view_listing(one.document), ways=list(one.ways), because=one.because)
            for one in found
        ]
    )


@router.get("/rankings", summary="Rankings with their rule and sample")
async def list_rankings(
    session: Transaction, response: Response, viewer: Viewer, by: RankingName = "use", limit: Few = 20
) -> RankingAnswer:
    """By use, growth, rating, speed or availability; equal values share a place. Figures are those of the last 30 days
    and a few minutes old.
    """
    response.headers["cache-control"] = kept_by(viewer, _KEPT)
    rule = RULES[by]
    return RankingAnswer(
        by=by,
        rule=rule.text,
        unit=rule.unit,
        sample=rule.sample,
        items=[
            RankedService(place=one.place, listing=view_listing(one.document), value=one.value, sample=one.sample)
            for one in await rank_listings(session, by, limit, viewer=viewer)
        ],
    )


def view_similar(found: Sequence[Likeness]) -> SimilarAnswer:
    return SimilarAnswer(
        items=[
            SimilarView(listing=view_listing(one.document), similarity=one.similarity, because=_because(one))
            for one in found
        ]
    )


def _because(one: Likeness) -> str:
    reasons: list[str] = []
    if one.similarity is not None and one.similarity > 0.0:
        reasons.append(f"close in meaning ({one.similarity:.2f})")
    if one.same_task:
        reasons.append(f"the same task, {one.document.task}")
    if one.tags:
        reasons.append(f"tagged {_listed(one.tags)} too")
    return "; ".join(reasons)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _view_compared(one: ListedService) -> ComparedService:
    service, document = one.listing.service, one.document
    return ComparedService(
        listing=view_listing(document),
        vendor_name=one.listing.vendor.name,
        vendor_verified=document.verified,
        status=document.status,
        inputs=list(document.inputs or document.modalities),
        outputs=list(document.outputs or document.modalities),
        modalities=list(document.modalities),
        regions=list(document.regions),
        promised_availability_bp=service.availability_bp,
        promised_p95_ms=service.p95_latency_ms,
        operations=len(one.listing.latest.operations),
        released_at=document.released_at,
        plans=[view_plan(plan) for plan in one.listing.plans],
        measured=view_exactly(one.figures),
    )
