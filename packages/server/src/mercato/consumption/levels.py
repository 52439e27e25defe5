"""A service's measured levels beside its vendor's promises, over rolling windows."""

from dataclasses import dataclass
from datetime import timedelta

from mercato.consumption.alert_rows import AlertRows
from mercato.consumption.health import Health, ServiceHealthBook
from mercato.consumption.models import ServiceAlert
from mercato.identity import Caller, Permission
from mercato.platform import Clock, Session
from mercato.publishing import Catalogue, Service, ServiceNotFound

SPANS: dict[str, timedelta] = {
    "5m": timedelta(minutes=5),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "1d": timedelta(days=1),
    "30d": timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """A service's promise and measurements: health by window, and active alerts.

    `sees_counts`: whether the caller may see how many calls there were.
    """

    service: Service
    windows: dict[str, Health]
    alerts: list[ServiceAlert]
    sees_counts: bool

    @property
    def budget_left_bp(self) -> int | None:
        """What is left of 30 days' error budget, in ten thousandths; negative if it is overspent."""
        target, month = self.service.availability_bp, self.windows["30d"]
        if target is None or not month.calls:
            return None
        allowed = month.calls * (10_000 - target)
        return (allowed - month.failed * 10_000) * 10_000 // allowed


class ServiceLevels:
    """Reads services' levels."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._clock = clock
        self._book = ServiceHealthBook(session)
        self._session = session
        self._alerts = AlertRows(session)

    async def get(self, caller: Caller, vendor_slug: str, name: str) -> ServiceLevel:
        """The service `vendor_slug/name`. Raises `ServiceNotFound`."""
        caller.require(Permission.SERVICES_READ)
        catalogue = Catalogue(self._session, caller.organisation_slug)
        finds = catalogue.find_any_service if caller.may(Permission.MARKETPLACE_READ) else catalogue.find_service
        service = await finds(vendor_slug, name)
        is_own = service is not None and service.vendor_id == caller.organisation_id
        sees_all = is_own or caller.may(Permission.MARKETPLACE_READ)
        if service is None or not (service.status == "listed" or sees_all):
            raise ServiceNotFound(f"There is no service {vendor_slug}/{name}.")
        now = self._clock.now()
        windows = {label: await self._book.of_service(service.id, now - span, now) for label, span in SPANS.items()}
        return ServiceLevel(service, windows, await self._alerts.open_of([service.id]), sees_all)


def is_kept(service: Service, health: Health) -> bool | None:
    """Whether the service does what its vendor promises; `None` without a promise, or without a call."""
    promises = []
    if service.availability_bp is not None and health.calls:
        promises.append(health.failed * 10_000 <= health.calls * (10_000 - service.availability_bp))
    if service.p95_latency_ms is not None and health.p95_us is not None:
        promises.append(health.p95_us <= service.p95_latency_ms * 1000)
    return all(promises) if promises else None
