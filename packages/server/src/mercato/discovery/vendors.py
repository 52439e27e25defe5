"""A vendor as everybody sees it, and several services side by side."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mercato.discovery.describing import describe
from mercato.discovery.document import ListingDocument
from mercato.discovery.figure_rows import FigureRepository
from mercato.discovery.figures import ExactFigures, exact, shown
from mercato.identity import Directory, Organisation
from mercato.platform import NotFound, Session
from mercato.publishing import Catalogue, Listing, Service


@dataclass(frozen=True, slots=True)
class VendorPage:
    """An organisation that lists services, with what their calls and reviews add up to."""

    organisation: Organisation
    services: Sequence[Service]
    calls: int
    stars: int
    reviews: int


@dataclass(frozen=True, slots=True)
class ListedService:
    """A listing with its exact figures."""

    listing: Listing
    document: ListingDocument
    figures: ExactFigures


class Showing:
    """Answers with what is listed and `viewer` sees, which is the slug of the organisation that asks."""

    def __init__(self, session: Session, viewer: str | None = None) -> None:
        self._catalogue = Catalogue(session, viewer)
        self._directory = Directory(session)
        self._figures = FigureRepository(session)

    async def vendor(self, slug: str) -> VendorPage:
        """The vendor of this slug. Raises `NotFound`, also for an organisation that lists nothing: who only calls
        is nobody's business."""
        refusal = NotFound(f"There is no vendor {slug[:63]} with a listed service.", organisation=slug[:63])
        try:
            organisation = await self._directory.get_by_slug(slug)
        except NotFound:
            raise refusal from None
        services = await self._catalogue.listed_of(organisation.id)
        if not services:
            raise refusal
        rows = (await self._figures.find_many([service.id for service in services])).values()
        calls, stars, reviews = (sum(getattr(row, name) for row in rows) for name in ("calls", "stars", "reviews"))
        return VendorPage(organisation, services, calls, stars, reviews)

    async def figures(self, service_id: str) -> ExactFigures:
        """What calls and reviews say of a service."""
        return exact((await self._figures.find_many([service_id])).get(service_id))

    async def services(self, names: Collection[tuple[str, str]]) -> list[ListedService]:
        """These listed services, in this order. Raises `ServiceNotFound`."""
        listings = [await self._catalogue.get_listing(vendor, name) for vendor, name in names]
        figures = await self._figures.find_many([listing.service.id for listing in listings])
        return [
            ListedService(one, describe(one, shown(figures.get(one.service.id))), exact(figures.get(one.service.id)))
            for one in listings
        ]
