"""The SQL of alerts."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from mercato.consumption.models import ServiceAlert, ServiceHealth
from mercato.platform import Question, Session

_LOCK = 4_017_202_615  # any number, the same in every process that watches


class AlertRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def try_lock(self) -> bool:
        """Take the watcher's lock until the transaction ends; false if another process holds it."""
        return bool(await self._session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}))

    async def measured_since(self, since: datetime) -> dict[str, bool]:
        """Services called since then, and whether any call failed; read from hourly rows, which are few."""
        rows = await self._session.execute(
            select(ServiceHealth.service_id, func.sum(ServiceHealth.failed) > 0)
            .where(ServiceHealth.seconds == 3600, ServiceHealth.start >= since)
            .group_by(ServiceHealth.service_id)
        )
        return {row[0]: bool(row[1]) for row in rows}

    async def with_alerts(self) -> set[str]:
        """Services with an active alert."""
        query = select(ServiceAlert.service_id).where(ServiceAlert.resolved_at.is_(None))
        return set(await self._session.scalars(query))

    async def open_of(self, service_ids: Collection[str]) -> list[ServiceAlert]:
        return list(
            await self._session.scalars(
                select(ServiceAlert)
                .where(ServiceAlert.service_id.in_(service_ids), ServiceAlert.resolved_at.is_(None))
                .order_by(ServiceAlert.id)
            )
        )

    async def open(self, alert: ServiceAlert) -> bool:
        """Write it unless the same alert is active; returns whether it was written."""
        values = {column.name: getattr(alert, column.name) for column in ServiceAlert.__table__.columns}
        query = insert(ServiceAlert).values(values).on_conflict_do_nothing().returning(ServiceAlert.id)
        return await self._session.scalar(query) is not None

    async def resolve(self, alert_id: str, at: datetime) -> bool:
        """Resolve it; returns whether it was active."""
        query = (
            update(ServiceAlert)
            .where(ServiceAlert.id == alert_id, ServiceAlert.resolved_at.is_(None))
            .values(resolved_at=at)
            .returning(ServiceAlert.id)
        )
        return await self._session.scalar(query) is not None

    async def list_all(
        self, vendor_id: str | None, *, only_open: bool, before: str | None, limit: int
    ) -> list[ServiceAlert]:
        """The newest first, of one vendor or of all."""
        query = select(ServiceAlert).order_by(ServiceAlert.id.desc()).limit(limit)
        if vendor_id is not None:
            query = query.where(ServiceAlert.vendor_id == vendor_id)
        if only_open:
            query = query.where(ServiceAlert.resolved_at.is_(None))
        return list(await self._session.scalars(query if before is None else query.where(ServiceAlert.id < before)))

    def open_question(self, limit: int) -> Question[ServiceAlert]:
        """Those of everybody that are active, the newest first."""
        query = select(ServiceAlert).where(ServiceAlert.resolved_at.is_(None))
        newest = query.order_by(ServiceAlert.id.desc()).limit(limit)
        return Question(newest, ServiceAlert, lambda row: row.id, newest_first=True)

    async def since(self, service_id: str, at: datetime) -> list[ServiceAlert]:
        """A service's alerts that were active at some time since then, newest first."""
        still = or_(ServiceAlert.resolved_at.is_(None), ServiceAlert.resolved_at >= at)
        query = select(ServiceAlert).where(ServiceAlert.service_id == service_id, still)
        return list(await self._session.scalars(query.order_by(ServiceAlert.id.desc()).limit(100)))

    async def worst_open(self, service_ids: Collection[str]) -> dict[str, list[str]]:
        """The severities of active alerts, by service."""
        rows = await self._session.execute(
            select(ServiceAlert.service_id, func.array_agg(ServiceAlert.severity))
            .where(ServiceAlert.service_id.in_(service_ids), ServiceAlert.resolved_at.is_(None))
            .group_by(ServiceAlert.service_id)
        )
        return {row[0]: list(row[1]) for row in rows}
