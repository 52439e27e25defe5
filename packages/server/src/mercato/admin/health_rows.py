"""The questions about health to the database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from mercato.admin.health_models import HealthChange, HealthGauge, HealthQuarter, Prober, ServiceHealth
from mercato.platform import Question, Session, ask_together

Step = Literal["quarter", "hour", "day"]


class HealthRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def claim(self, prober: str, at: datetime, not_since: datetime) -> bool:
        """Whether this process probes now: no other of its kind has since `not_since`."""
        first = insert(Prober).values(name=prober, at=at)
        claimed = first.on_conflict_do_update(
            index_elements=["name"], set_={"at": at}, where=Prober.at <= not_since
        ).returning(Prober.name)
        return await self._session.scalar(claimed) is not None

    async def services(self, *, lock: bool = False) -> dict[str, ServiceHealth]:
        query = select(ServiceHealth).order_by(ServiceHealth.name)
        rows = await self._session.scalars(query.with_for_update() if lock else query)
        return {row.name: row for row in rows}

    def add(self, row: ServiceHealth | HealthChange) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def forget_services(self, prober: str, still: Collection[str]) -> None:
        """Drop what this prober probed once and probes no longer: a setting changed."""
        gone = delete(ServiceHealth).where(ServiceHealth.probed_by == prober, ServiceHealth.name.not_in(still))
        await self._session.execute(gone)

    async def add_quarters(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add these probes to their quarter hours; each service at most once."""
        first = insert(HealthQuarter).values(list(rows))
        proposed = first.excluded
        added = {name: getattr(HealthQuarter, name) + proposed[name] for name in ("probes", "failed", "latency_ms")}
        most = func.greatest(HealthQuarter.latency_max_ms, proposed.latency_max_ms)
        await self._session.execute(
            first.on_conflict_do_update(index_elements=["service", "start"], set_={**added, "latency_max_ms": most})
        )

    async def put_gauges(self, rows: Sequence[dict[str, Any]]) -> None:
        """The newest value of each."""
        first = insert(HealthGauge).values(list(rows))
        changed = {name: first.excluded[name] for name in ("value", "unit", "at")}
        await self._session.execute(first.on_conflict_do_update(index_elements=["service", "name"], set_=changed))

    async def gauges(self) -> list[HealthGauge]:
        question = self.gauges_question()
        return (await ask_together(self._session, question)).of(question)

    def services_question(self) -> Question[ServiceHealth]:
        """All services."""
        return Question(select(ServiceHealth), ServiceHealth, lambda row: row.name)

    def gauges_question(self) -> Question[HealthGauge]:
        """The gauges of all services."""
        return Question(select(HealthGauge), HealthGauge, lambda row: (row.service, row.name))

    async def changes(self, service: str | None, before: str | None, limit: int) -> list[HealthChange]:
        """The newest first."""
        query = select(HealthChange).order_by(HealthChange.id.desc()).limit(limit)
        if service is not None:
            query = query.where(HealthChange.service == service)
        return list(await self._session.scalars(query if before is None else query.where(HealthChange.id < before)))

    async def history(self, service: str | None, since: datetime, step: Step) -> Sequence[Row[Any]]:
        """`service, start, probes, failed, latency_ms, latency_max_ms` of spans with probes, the oldest first."""
        start = HealthQuarter.start if step == "quarter" else func.date_trunc(step, HealthQuarter.start, "UTC")
        sums = [func.sum(getattr(HealthQuarter, name)) for name in ("probes", "failed", "latency_ms")]
        query = (
            select(HealthQuarter.service, start, *sums, func.max(HealthQuarter.latency_max_ms))
            .where(HealthQuarter.start >= since)
            .group_by(HealthQuarter.service, start)
            .order_by(HealthQuarter.service, start)
        )
        if service is not None:
            query = query.where(HealthQuarter.service == service)
        return (await self._session.execute(query)).all()

    async def forget(self, before: datetime) -> int:
        """Delete quarter hours and changes before this time; how many rows."""
        gone = 0
        for query in (
            delete(HealthQuarter).where(HealthQuarter.start < before).returning(HealthQuarter.start),
            delete(HealthChange).where(HealthChange.at < before).returning(HealthChange.at),
            delete(HealthGauge).where(HealthGauge.at < before).returning(HealthGauge.at),
        ):
            gone += len((await self._session.execute(query)).all())
        return gone
