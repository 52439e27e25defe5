"""Questions about who uses which service to the sums of quarter hours: answered calls of others than the vendor."""

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import text

from mercato.platform import Session

_ANSWERED = "FROM usage_quarter WHERE status_class = 2 AND consumer_id <> vendor_id AND start >= :since"
_OF_SERVICES = f"{_ANSWERED} AND vendor_id = ANY(:vendors) AND service_id = ANY(:services)"
_BY_DAY = text(
    "SELECT service_id, (start AT TIME ZONE 'UTC')::date AS day, sum(calls)::bigint, count(DISTINCT consumer_id)"
    f" {_OF_SERVICES} GROUP BY service_id, day"
)
_CONSUMERS = text(f"SELECT service_id, count(DISTINCT consumer_id) {_OF_SERVICES} GROUP BY service_id")
_USES = "SELECT consumer_id, service_id, sum(calls)::bigint, max(start)"
_OF_CONSUMERS = text(f"{_USES} {_ANSWERED} AND consumer_id = ANY(:consumers) GROUP BY consumer_id, service_id")
_OF_ALL = text(f"{_USES} {_ANSWERED} GROUP BY consumer_id, service_id")
_HAS_CALLED = text(f"SELECT EXISTS (SELECT {_ANSWERED} AND consumer_id = :consumer AND service_id = :service)")


class MarketRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def by_day(
        self, services: Collection[str], vendors: Collection[str], since: datetime
    ) -> list[tuple[str, date, int, int]]:
        """Service, day (UTC), calls and distinct consumers, of days with calls."""
        values = {"services": sorted(services), "vendors": sorted(vendors), "since": since}
        return [(row[0], row[1], row[2], row[3]) for row in await self._session.execute(_BY_DAY, values)]

    async def consumers(self, services: Collection[str], vendors: Collection[str], since: datetime) -> dict[str, int]:
        """Distinct consumers by service."""
        values = {"services": sorted(services), "vendors": sorted(vendors), "since": since}
        return {row[0]: row[1] for row in await self._session.execute(_CONSUMERS, values)}

    async def of_consumers(
        self, consumers: Collection[str] | None, since: datetime
    ) -> list[tuple[str, str, int, datetime]]:
        """Consumer, service, calls and the quarter hour of the last one; of all consumers where `None`."""
        if consumers is None:
            rows = await self._session.execute(_OF_ALL, {"since": since})
        else:
            rows = await self._session.execute(_OF_CONSUMERS, {"since": since, "consumers": sorted(consumers)})
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    async def has_called(self, consumer_id: str, service_id: str, since: datetime) -> bool:
        """Whether this consumer has an answered call of this service."""
        values = {"consumer": consumer_id, "service": service_id, "since": since}
        return bool(await self._session.scalar(_HAS_CALLED, values))
