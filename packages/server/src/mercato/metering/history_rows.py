"""The SQL of first calls. Each look-up ends at the first row of its index that fits."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from mercato.platform import Session

_OF_CONSUMERS = text(
    "SELECT asked.id, found.start FROM unnest(CAST(:consumers AS text[])) AS asked (id)"
    " CROSS JOIN LATERAL (SELECT start FROM usage_quarter WHERE consumer_id = asked.id AND calls > 0"
    "  ORDER BY start LIMIT 1) AS found"
)
_TO_SERVICES = text(
    "SELECT asked.id, found.start"
    " FROM unnest(CAST(:vendors AS text[]), CAST(:services AS text[])) AS asked (vendor, id)"
    " CROSS JOIN LATERAL (SELECT start FROM usage_quarter WHERE vendor_id = asked.vendor AND service_id = asked.id"
    "  AND consumer_id <> asked.vendor AND calls > 0 ORDER BY start LIMIT 1) AS found"
)


class HistoryRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def first_of_consumers(self, consumer_ids: Sequence[str]) -> dict[str, datetime]:
        rows = await self._session.execute(_OF_CONSUMERS, {"consumers": list(consumer_ids)})
        return {row[0]: row[1] for row in rows}

    async def first_to_services(self, services: Sequence[tuple[str, str]]) -> dict[str, datetime]:
        values = {"vendors": [vendor for vendor, _ in services], "services": [service for _, service in services]}
        return {row[0]: row[1] for row in await self._session.execute(_TO_SERVICES, values)}
