"""Who uses which service, for rankings, recommendations and reviews: answered calls, the vendor's own left out."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime

from mercato.metering.market_rows import MarketRows
from mercato.platform import Session


@dataclass(frozen=True, slots=True)
class DayUse:
    """Calls of one day, UTC, and how many organisations made them."""

    calls: int = 0
    consumers: int = 0


@dataclass(frozen=True, slots=True)
class ServiceUse:
    """What others than its vendor did with a service: by day, and how many they were together."""

    consumers: int = 0
    days: dict[date, DayUse] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """All of them."""
        return sum(day.calls for day in self.days.values())


@dataclass(frozen=True, slots=True)
class Use:
    """One organisation's calls of one service, and the quarter hour of the last one."""

    consumer_id: str
    service_id: str
    calls: int
    last: datetime


class MarketUse:
    """Answers how the marketplace is used; what it answers names organisations, and never leaves the rooms above."""

    def __init__(self, session: Session) -> None:
        self._rows = MarketRows(session)

    async def of_services(
        self, service_ids: Collection[str], vendor_ids: Collection[str], since: datetime
    ) -> dict[str, ServiceUse]:
        """By service; those without a call are left out. `vendor_ids` are the services' vendors."""
        consumers = await self._rows.consumers(service_ids, vendor_ids, since)
        found = {service_id: ServiceUse(count) for service_id, count in consumers.items()}
        for service_id, day, calls, count in await self._rows.by_day(service_ids, vendor_ids, since):
            found.setdefault(service_id, ServiceUse()).days[day] = DayUse(calls, count)
        return found

    async def of_consumer(self, consumer_id: str, since: datetime) -> list[Use]:
        """What this organisation called."""
        return [Use(*row) for row in await self._rows.of_consumers([consumer_id], since)]

    async def has_called(self, consumer_id: str, service_id: str, since: datetime) -> bool:
        """Whether a call of the service by this organisation was answered."""
        return await self._rows.has_called(consumer_id, service_id, since)

    async def of_all(self, since: datetime) -> list[Use]:
        """What every organisation called."""
        return [Use(*row) for row in await self._rows.of_consumers(None, since)]
