"""The SQL about one vendor's services as the vendor sees them."""

from collections.abc import Collection

from sqlalchemy import func, select

from mercato.platform import Session
from mercato.publishing.models import Canary, Deployment, DeploymentHold, Release, Service


class OwnRows:
    """Questions of one transaction. Each is limited to one vendor, or to services that were found with it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def services(self, vendor_id: str, after: str | None, limit: int) -> list[Service]:
        """In the order of their names, withdrawn ones too; `after` is a name."""
        query = select(Service).where(Service.vendor_id == vendor_id).order_by(Service.name).limit(limit)
        return list(await self._session.scalars(query if after is None else query.where(Service.name > after)))

    async def find(self, vendor_id: str, name: str) -> Service | None:
        return await self._session.scalar(select(Service).where(Service.vendor_id == vendor_id, Service.name == name))

    async def releases(self, service_id: str) -> list[Release]:
        query = select(Release).where(Release.service_id == service_id).order_by(Release.id.desc())
        return list(await self._session.scalars(query))

    async def count_releases(self, service_ids: Collection[str]) -> dict[str, dict[str, int]]:
        """How many releases have which status, by service."""
        rows = await self._session.execute(
            select(Release.service_id, Release.status, func.count())
            .where(Release.service_id.in_(service_ids))
            .group_by(Release.service_id, Release.status)
        )
        found: dict[str, dict[str, int]] = {}
        for service_id, status, count in rows:
            found.setdefault(service_id, {})[status] = count
        return found

    async def running_canaries(self, service_ids: Collection[str]) -> dict[str, Canary]:
        query = select(Canary).where(Canary.service_id.in_(service_ids), Canary.state == "running")
        return {row.service_id: row for row in await self._session.scalars(query)}

    async def canaries(self, vendor_id: str, before: str | None, limit: int) -> list[tuple[Canary, Service]]:
        """Of all the vendor's services, the newest first."""
        query = (
            select(Canary, Service)
            .join(Service, Service.id == Canary.service_id)
            .where(Service.vendor_id == vendor_id)
            .order_by(Canary.id.desc())
            .limit(limit)
        )
        rows = await self._session.execute(query if before is None else query.where(Canary.id < before))
        return [(row[0], row[1]) for row in rows]

    async def held(self, service_ids: Collection[str]) -> dict[str, tuple[int, int]]:
        """Deployments of releases that were not yanked, and how many of them are held, by service."""
        holds = select(DeploymentHold.deployment_id).distinct().subquery()
        rows = await self._session.execute(
            select(Release.service_id, func.count(), func.count(holds.c.deployment_id))
            .join(Deployment, Deployment.release_id == Release.id)
            .outerjoin(holds, holds.c.deployment_id == Deployment.id)
            .where(Release.service_id.in_(service_ids), Release.status != "yanked")
            .group_by(Release.service_id)
        )
        return {row[0]: (row[1], row[2]) for row in rows}
