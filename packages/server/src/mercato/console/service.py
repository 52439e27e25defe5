"""A service's pages: whether to take it, what it costs, its releases."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Query, Response

from mercato.api import statements as money_api
from mercato.api.listings import view_similar
from mercato.api.publishing_views import view_service
from mercato.billing import Estimates, Workload, estimate
from mercato.console.formatting import rating
from mercato.console.measured import MeasuredStrip, measured_strip
from mercato.console.prose import Prose, prose
from mercato.console.routes import page_router
from mercato.console.visit import Anybody
from mercato.consumption import ServiceSeries
from mercato.discovery import Showing
from mercato.edge.public_status import Board, PublicStatus
from mercato.edge.viewer import Viewer
from mercato.edge.wiring import Transaction, running_of
from mercato.identity import Permission
from mercato.platform import NotFound, Refusal
from mercato.publishing import Catalogue, Plan
from mercato_contracts.listings import SimilarView
from mercato_contracts.publishing import ReleaseView, ServiceView
from mercato_contracts.service_levels import ServiceStatusView
from mercato_contracts.statements import PriceEstimate

router = page_router()

_WORKLOAD = (10_000, 5_000_000, 1_000_000)
_PUBLIC_SECONDS = 10
_SIMILAR = 5
Units = Annotated[int | None, Query(ge=0, le=10**12)]


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the service's pages."""

    title: str
    path: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class ServicePage:
    """Everything that a service's pages show."""

    service: ServiceView
    service_id: str
    name: str
    latest: ReleaseView | None
    tabs: Sequence[Tab]
    description: Prose
    status: ServiceStatusView | None
    estimate: PriceEstimate | None
    workload: tuple[int, int, int]
    may_subscribe: bool
    release: ReleaseView | None = None
    measured: MeasuredStrip | None = None
    similar: Sequence[SimilarView] = ()
    rating: str = ""
    reviews: int = 0


@dataclass(frozen=True, slots=True)
class Service:
    """The service of an address, and what everybody may read about it."""

    vendor: str
    name: str
    session: Transaction
    board: Board
    visit: Anybody
    viewer: Viewer
    calls: Units = None
    tokens_in: Units = None
    tokens_out: Units = None

    async def overview(self) -> ServicePage:
        """With what was measured of it, how it is rated, and what is like it."""
        page = await self.page("overview")
        running = running_of(self.visit.request.app)
        series = ServiceSeries(self.session, running.wiring.clock)
        steps = await series.of(page.service_id, "day", None, None)
        similar: Sequence[SimilarView] = ()
        if running.searching is not None:
            similar = view_similar(await running.searching.find_similar(page.service_id, _SIMILAR, self.viewer)).items
        figures = await Showing(self.session).figures(page.service_id)
        return replace(
            page,
            measured=measured_strip(steps, self.visit.zone),
            similar=similar,
            rating=rating(figures.stars, figures.reviews),
            reviews=figures.reviews,
        )

    async def page(self, tab: str, version: str | None = None) -> ServicePage:
        """Raises `ServiceNotFound`, `NotFound`."""
        listing = await Catalogue(self.session, self.viewer).get_listing(self.vendor, self.name)
        view = view_service(listing)
        full = f"{view.vendor}/{view.name}"
        asked = (self.calls, self.tokens_in, self.tokens_out)
        workload = _WORKLOAD if asked == (None, None, None) else (asked[0] or 0, asked[1] or 0, asked[2] or 0)
        release = next((each for each in view.releases if each.version == version), None)
        if version is not None and release is None:
            raise NotFound(f"{full} has no release {version[:60]}.")
        latest = next((each for each in view.releases if each.version == view.latest_version), None)
        return ServicePage(
            service=view,
            service_id=listing.service.id,
            name=full,
            latest=latest or (view.releases[0] if view.releases else None),
            tabs=tabs_of(full, tab),
            description=prose(view.description),
            status=await _status(self.board, self.vendor, self.name),
            estimate=priced(listing.plans, Workload(*workload)),
            workload=workload,
            may_subscribe=self.visit.person is not None and self.visit.caller.may(Permission.SUBSCRIPTIONS_WRITE),
            release=release,
        )


Asked = Annotated[Service, Depends()]


@router.get("/services/{vendor}/{name}")
async def show_service(asked: Asked) -> Response:
    """Whether to take it."""
    return asked.visit.show("service.html", await asked.overview(), public_seconds=_PUBLIC_SECONDS)


@router.get("/services/{vendor}/{name}/pricing")
async def show_pricing(asked: Asked) -> Response:
    """Every plan, and what a month would cost under each."""
    return asked.visit.show("service_pricing.html", await asked.page("pricing"), public_seconds=_PUBLIC_SECONDS)


@router.get("/services/{vendor}/{name}/releases")
async def show_releases(asked: Asked) -> Response:
    """Every version, the newest first."""
    return asked.visit.show("service_releases.html", await asked.page("releases"), public_seconds=_PUBLIC_SECONDS)


@router.get("/services/{vendor}/{name}/releases/{version}")
async def show_release(version: str, asked: Asked) -> Response:
    """One version with its operations."""
    page = await asked.page("releases", version)
    return asked.visit.show("service_release.html", page, public_seconds=_PUBLIC_SECONDS)


def tabs_of(name: str, current: str) -> list[Tab]:
    """The pages of a service."""
    base = f"/services/{name}"
    return [
        Tab("Overview", base, current == "overview"),
        Tab("Try it", f"{base}/try", current == "try"),
        Tab("Pricing", f"{base}/pricing", current == "pricing"),
        Tab("Reviews", f"{base}/reviews", current == "reviews"),
        Tab("Releases", f"{base}/releases", current == "releases"),
        Tab("Compare releases", f"{base}/diff", current == "diff"),
        Tab("Status", f"/status/{name}", False),
    ]


def priced(plans: Sequence[Plan], workload: Workload) -> PriceEstimate | None:
    """The plans by what they would charge, the cheapest first; `None` where there is nothing to price."""
    if not plans or workload == Workload(0, 0, 0):
        return None
    found = sorted((estimate(plan, workload) for plan in plans), key=lambda one: (one.plan.currency, one.nanos))
    return money_api.view_estimates(Estimates(workload, None, found))


async def _status(board: PublicStatus, vendor: str, name: str) -> ServiceStatusView | None:
    try:
        return await board.get_service(vendor, name)
    except Refusal:
        # A service that was listed a moment ago is not on the board yet.
        return None
