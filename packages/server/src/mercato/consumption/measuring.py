"""What the gateways measured becomes figures that searches filter, sort and rank by."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from mercato.consumption.health import HOUR, ServiceHealthBook, floor_to, whole
from mercato.consumption.levels import is_kept
from mercato.discovery import FigureBook, FiguresDue, MeasuredFigures, trend_of
from mercato.metering import MarketUse, ServiceUse, quantile_us
from mercato.platform import Clock, Outbox, Session
from mercato.publishing import Catalogue

_OVER = timedelta(days=30)
_WEEK = timedelta(days=7)
_AT_ONCE = 200


class MeasureServices:
    """Run by the worker every minute. A service that is called is measured every few minutes."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._clock = clock
        self._health = ServiceHealthBook(session)
        self._use = MarketUse(session)
        self._catalogue = Catalogue(session)
        self._book = FigureBook(session, clock, outbox)
        self._due = FiguresDue(session, clock)

    async def measure_due(self) -> int:
        """Measure those that were called of late and those whose figures are old, in turn; returns how many.

        Does nothing while another process measures.
        """
        if not await self._due.try_lock():
            return 0
        called = await self._health.called_since(floor_to(self._clock.now() - HOUR, HOUR))
        due = await self._due.among(called, _AT_ONCE)
        await self.measure(due)
        return len(due)

    async def measure(self, service_ids: Collection[str]) -> None:
        """Write what the last thirty days say of these services."""
        now = self._clock.now()
        services = {service.id: service for service in await self._catalogue.find_services(service_ids)}
        health = await self._health.of_services(services, now - _OVER, now)
        vendors = {service.vendor_id for service in services.values()}
        use = await self._use.of_services(services, vendors, now - _OVER)
        figures: dict[str, MeasuredFigures] = {}
        for service_id, service in services.items():
            sums, used = whole(health.get(service_id, {}).values()), use.get(service_id, ServiceUse())
            recent, earlier = _weeks(used, now)
            figures[service_id] = MeasuredFigures(
                calls=used.calls,
                consumers=used.consumers,
                failed=sums.failed,
                p50_us=quantile_us(sums.latency, 5_000),
                p95_us=sums.p95_us,
                availability_bp=sums.availability_bp,
                is_met=is_kept(service, sums),
                recent_calls=recent,
                earlier_calls=earlier,
                trend_millis=trend_of({day: one.consumers for day, one in used.days.items()}, now.date()),
            )
        await self._book.record(figures)


def _weeks(use: ServiceUse, now: datetime) -> tuple[int, int]:
    """Calls of the last seven days, today's with them, and of the seven before."""
    today = now.astimezone(UTC).date()
    recent = sum(one.calls for day, one in use.days.items() if today - day < _WEEK)
    earlier = sum(one.calls for day, one in use.days.items() if _WEEK <= today - day < 2 * _WEEK)
    return recent, earlier
