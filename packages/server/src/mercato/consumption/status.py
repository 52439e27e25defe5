"""The public status of services: only public facts, cached for half a minute."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeVar, cast

from mercato.consumption.alert_rows import AlertRows
from mercato.consumption.health import Health, ServiceHealthBook, whole
from mercato.consumption.models import ServiceAlert
from mercato.identity import NamedOrganisation
from mercato.platform import Clock, Session
from mercato.publishing import Catalogue, Service

State = Literal["operational", "degraded", "outage", "quiet"]
DAYS_SHOWN = 90
_KEPT = timedelta(seconds=30)
_MOST_KEPT = 2_000
_LEAST_FAILED = 5
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Entry:
    """A service's name and current state."""

    service: Service
    vendor: NamedOrganisation
    state: State


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """A service now and in the last 90 days, oldest first; a day without a call has no availability."""

    entry: Entry
    at: datetime
    availability_bp: int | None
    days: list[tuple[date, int | None]]
    incidents: list[ServiceAlert]


class Status:
    """Answers everybody; of private services those only who see them: `viewer` is the slug of who asks."""

    def __init__(self, session: Session, clock: Clock, viewer: str | None = None) -> None:
        self._clock = clock
        self._catalogue = Catalogue(session, viewer)
        self._book = ServiceHealthBook(session)
        self._alerts = AlertRows(session)

    async def list_page(self, after: str | None, limit: int) -> list[Entry]:
        """Listed services in the order of their ids after `after`."""
        return await self._entries(await self._catalogue.listed_after(after or "", limit))

    async def get(self, vendor_slug: str, name: str) -> ServiceStatus:
        """The listed service `vendor_slug/name`. Raises `ServiceNotFound`."""
        listing = await self._catalogue.get_listing(vendor_slug, name)
        now = self._clock.now()
        (entry,) = await self._entries([(listing.service, listing.vendor)])
        first = now.astimezone(UTC).date() - timedelta(days=DAYS_SHOWN - 1)
        since = datetime(first.year, first.month, first.day, tzinfo=UTC)
        by_day = await self._book.by_day(listing.service.id, since)
        days = [first + timedelta(days=number) for number in range(DAYS_SHOWN)]
        return ServiceStatus(
            entry,
            now,
            whole(by_day.values()).availability_bp,
            [(day, by_day.get(day, Health()).availability_bp) for day in days],
            await self._alerts.since(listing.service.id, since),
        )

    async def _entries(self, services: list[tuple[Service, NamedOrganisation]]) -> list[Entry]:
        ids = [service.id for service, _ in services]
        now = self._clock.now()
        alerts = await self._alerts.worst_open(ids)
        hour = await self._book.of_services(ids, now - timedelta(hours=1), now)
        return [
            Entry(service, vendor, _state(alerts.get(service.id, []), whole(hour.get(service.id, {}).values())))
            for service, vendor in services
        ]


class StatusBoard:
    """A cache of the last half minute, one per process: many visitors cost one query."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[datetime, object]] = OrderedDict()

    async def answer(self, name: Hashable, make: Callable[[], Awaitable[Answer]]) -> Answer:
        """The cached value for `name`, or a new one. Refusals are not cached."""
        now = self._clock.now()
        kept = self._kept.get(name)
        if kept is not None and timedelta(0) <= now - kept[0] < _KEPT:
            return cast(Answer, kept[1])
        made = await make()
        self._kept[name] = (now, made)
        self._kept.move_to_end(name)
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return made


def _state(severities: list[str], hour: Health) -> State:
    """The state by active alerts; without any, by the last hour: below 90 % is an outage, below 99 % degraded."""
    share = hour.availability_bp
    failed = hour.failed >= _LEAST_FAILED
    if "fast" in severities or (failed and share is not None and share < 9_000):
        return "outage"
    if severities or (failed and share is not None and share < 9_900):
        return "degraded"
    return "quiet" if share is None else "operational"
