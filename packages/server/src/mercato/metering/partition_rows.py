"""The SQL of the partitions of `usage_events`."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import text

from mercato.platform import Session

_LOCK = 4_017_202_660  # any number, the same in every process that makes partitions
_MISSING = text("SELECT name FROM unnest(CAST(:names AS text[])) AS name WHERE to_regclass(name) IS NULL")


class PartitionRows:
    """Works in one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def missing(self, names: Collection[str]) -> list[str]:
        """Those of these partitions that are not there."""
        return list(await self._session.scalars(_MISSING, {"names": sorted(names)}))

    async def make(self, name: str, first: datetime, after: datetime) -> None:
        """The partition of the days from `first` until before `after`; locked until the transaction ends."""
        await self._session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        # Values cannot be parameters here; both are made of digits by us.
        await self._session.execute(
            text(
                f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF usage_events"
                f" FOR VALUES FROM ('{first:%Y-%m-%d} 00:00:00+00') TO ('{after:%Y-%m-%d} 00:00:00+00')"
            )
        )
