"""Publishing's questions to the database."""

from collections.abc import Collection

from sqlalchemy import select

from mercato.identity import Organisation
from mercato.platform import Session
from mercato.publishing.models import Deployment, Plan, Release, Service


class CatalogueRepository:
    """What is listed."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find_service(self, service_id: str) -> Service | None:
        return await self._session.get(Service, service_id)

    async def find_service_by_name(self, vendor_slug: str, name: str) -> Service | None:
        return await self._session.scalar(
            select(Service)
            .join(Organisation, Organisation.id == Service.vendor_id)
            .where(Organisation.slug == vendor_slug, Service.name == name)
        )

    async def find_with_vendor(self, service_id: str) -> tuple[Service, Organisation] | None:
        rows = await self._session.execute(
            select(Service, Organisation)
            .join(Organisation, Organisation.id == Service.vendor_id)
            .where(Service.id == service_id)
        )
        found = rows.one_or_none()
        return None if found is None else (found[0], found[1])

    async def listed_ids(self) -> list[str]:
        return list(
            await self._session.scalars(select(Service.id).where(Service.status == "listed").order_by(Service.id))
        )

    async def listed_with_vendors(self, service_ids: Collection[str] | None) -> list[tuple[Service, Organisation]]:
        query = (
            select(Service, Organisation)
            .join(Organisation, Organisation.id == Service.vendor_id)
            .where(Service.status == "listed")
            .order_by(Service.id)
        )
        if service_ids is not None:
            query = query.where(Service.id.in_(service_ids))
        return [(service, vendor) for service, vendor in await self._session.execute(query)]

    async def find_plan(self, plan_id: str) -> Plan | None:
        return await self._session.get(Plan, plan_id)

    async def plans(self, service_ids: Collection[str]) -> list[Plan]:
        return list(await self._session.scalars(select(Plan).where(Plan.service_id.in_(service_ids)).order_by(Plan.id)))

    async def open_plans(self, service_ids: Collection[str]) -> list[Plan]:
        return list(
            await self._session.scalars(
                select(Plan)
                .where(Plan.service_id.in_(service_ids), Plan.retired_at.is_(None))
                .order_by(Plan.service_id, Plan.id)
            )
        )

    async def releases(self, service_ids: Collection[str]) -> list[Release]:
        """In the order they were released."""
        return list(
            await self._session.scalars(select(Release).where(Release.service_id.in_(service_ids)).order_by(Release.id))
        )

    async def deployments(self, service_ids: Collection[str]) -> list[Deployment]:
        return list(
            await self._session.scalars(
                select(Deployment)
                .join(Release, Release.id == Deployment.release_id)
                .where(Release.service_id.in_(service_ids))
                .order_by(Deployment.id)
            )
        )
