"""The SQL about deployments and whose they are."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, select

from mercato.platform import Session
from mercato.publishing.models import Deployment, Release, Service, Submission


class RunningRows:
    """Questions of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def owners(self, deployment_ids: Collection[str]) -> list[tuple[str, str]]:
        """Deployment and vendor, the oldest deployment first."""
        rows = await self._session.execute(
            select(Deployment.id, Service.vendor_id)
            .join(Release, Release.id == Deployment.release_id)
            .join(Service, Service.id == Release.service_id)
            .where(Deployment.id.in_(deployment_ids))
            .order_by(Deployment.created_at, Deployment.id)
        )
        return [(row[0], row[1]) for row in rows]

    async def ids(
        self, *, service_id: str | None = None, vendor_id: str | None = None, protocol: str | None = None
    ) -> list[str]:
        """Deployments for which all that is given is true, in the order of ids."""
        query = (
            select(Deployment.id)
            .join(Release, Release.id == Deployment.release_id)
            .join(Service, Service.id == Release.service_id)
            .order_by(Deployment.id)
        )
        if service_id is not None:
            query = query.where(Service.id == service_id)
        if vendor_id is not None:
            query = query.where(Service.vendor_id == vendor_id)
        if protocol is not None:
            query = query.where(Service.protocol == protocol)
        return list(await self._session.scalars(query))

    async def services(self, vendor_id: str) -> list[str]:
        query = select(Service.id).where(Service.vendor_id == vendor_id).order_by(Service.id)
        return list(await self._session.scalars(query))

    async def submissions(self, vendor_ids: Collection[str], until: datetime) -> dict[str, int]:
        query = (
            select(Submission.vendor_id, func.count())
            .where(Submission.vendor_id.in_(vendor_ids), Submission.created_at <= until)
            .group_by(Submission.vendor_id)
        )
        return {row[0]: row[1] for row in await self._session.execute(query)}
