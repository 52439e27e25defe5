"""What is measured of listings and what consumers say of them: kept exactly, and shown rounded in the index."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime

from mercato.discovery.document import Figures, from_facts
from mercato.discovery.figure_rows import FigureRepository
from mercato.discovery.models import ListingFigures, ListingRow
from mercato.discovery.news import DocumentChanged
from mercato.discovery.repository import ListingRepository
from mercato.platform import Clock, Outbox, Session

_DIGITS = 2
_WRITER = "discovery.figures"


@dataclass(frozen=True, slots=True)
class MeasuredFigures:
    """What thirty days say of a service, as `models.ListingFigures` keeps it."""

    calls: int = 0
    consumers: int = 0
    failed: int = 0
    p50_us: int | None = None
    p95_us: int | None = None
    availability_bp: int | None = None
    is_met: bool | None = None
    recent_calls: int = 0
    earlier_calls: int = 0
    trend_millis: int = 0


@dataclass(frozen=True, slots=True)
class ExactFigures(MeasuredFigures):
    """The same with the reviews; `measured_at` is `None` where nobody called yet."""

    stars: int = 0
    reviews: int = 0
    measured_at: datetime | None = None

    @property
    def rating(self) -> float | None:
        """The mean of the reviews, 1 to 5."""
        return round(self.stars / self.reviews, 2) if self.reviews else None


def exact(row: ListingFigures | None) -> ExactFigures:
    """The figures as they are kept."""
    if row is None:
        return ExactFigures()
    return ExactFigures(**{field.name: getattr(row, field.name) for field in fields(ExactFigures)})


class FigureBook:
    """Writes figures, in the caller's transaction, and brings the listings' rows up to date."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._clock = clock
        self._outbox = outbox
        self._rows = FigureRepository(session)
        self._listings = ListingRepository(session)

    async def record(self, measured: Mapping[str, MeasuredFigures]) -> None:
        """These services' figures are these from now on."""
        listings = await self._listings.lock_many(sorted(measured))
        known = await self._rows.find_many(measured)
        for service_id, found in measured.items():
            row = known.get(service_id) or new_figures(service_id)
            for field in fields(MeasuredFigures):
                setattr(row, field.name, getattr(found, field.name))
            row.measured_at = self._clock.now()
            await self._save(row, listings.get(service_id))

    async def lock(self, service_id: str) -> None:
        """Nobody else rates this service until the transaction ends, not even where it has no figures yet."""
        await self._rows.lock(service_id)

    async def rate(self, service_id: str, stars: int, reviews: int) -> None:
        """This service's reviews are so many, and their stars add up to this."""
        listings = await self._listings.lock_many([service_id])
        row = (await self._rows.find_many([service_id])).get(service_id) or new_figures(service_id)
        row.stars, row.reviews = stars, reviews
        await self._save(row, listings.get(service_id))

    async def _save(self, row: ListingFigures, listing: ListingRow | None) -> None:
        await self._rows.save(row)
        if listing is None or listing.withdrawn:
            return
        document = replace(from_facts(listing.facts, listing.vector), figures=shown(row))
        if document.to_facts() != listing.facts:
            listing.facts, listing.digest = document.to_facts(), document.digest()
            listing.changed_at = self._clock.now()
            await self._outbox.add(self._session, DocumentChanged(by=_WRITER, service_id=row.service_id))


def new_figures(service_id: str) -> ListingFigures:
    """Nothing is known yet."""
    return ListingFigures(
        service_id=service_id, calls=0, consumers=0, failed=0, stars=0, reviews=0, recent_calls=0, earlier_calls=0,
        trend_millis=0,
    )  # fmt: skip


def shown(row: ListingFigures | None) -> Figures:
    """The figures as the index holds them: two digits of counts and times, so that a busy service is not indexed anew
    with every call."""
    if row is None:
        return Figures()
    return Figures(
        calls=_coarse(row.calls),
        consumers=_coarse(row.consumers),
        failed=_coarse(row.failed),
        p95_ms=None if row.p95_us is None else _coarse(-(-row.p95_us // 1_000)),
        availability_bp=row.availability_bp,
        is_met=row.is_met,
        rating=round(row.stars * 100 / row.reviews) if row.reviews else None,
        reviews=row.reviews,
    )


def _coarse(number: int) -> int:
    """The number with all but its first two digits zero."""
    unit = int(10 ** max(0, len(str(number)) - _DIGITS))
    return number // unit * unit
