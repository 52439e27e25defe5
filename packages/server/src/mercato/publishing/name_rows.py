"""The SQL of names: what people call services and releases."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from mercato.identity import named_organisations
from mercato.platform import Session
from mercato.publishing.models import Release, Service

_VENDOR = named_organisations.c


@dataclass(frozen=True, slots=True)
class ReleaseName:
    """A version such as `1.2.0`, of a service such as `acme/embedder`."""

    service_id: str
    service: str
    version: str


class NameRows:
    """Works in one transaction. Unknown ids are left out; what is withdrawn keeps its name."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def services(self, service_ids: Collection[str]) -> dict[str, str]:
        """`vendor/name` by id."""
        query = (
            select(Service.id, _VENDOR.slug, Service.name)
            .join(named_organisations, _VENDOR.id == Service.vendor_id)
            .where(Service.id.in_(service_ids))
        )
        return {row[0]: f"{row[1]}/{row[2]}" for row in await self._session.execute(query)}

    async def releases(self, release_ids: Collection[str]) -> dict[str, ReleaseName]:
        """By id."""
        query = (
            select(Release.id, Service.id, _VENDOR.slug, Service.name, Release.version)
            .join(Service, Service.id == Release.service_id)
            .join(named_organisations, _VENDOR.id == Service.vendor_id)
            .where(Release.id.in_(release_ids))
        )
        rows = await self._session.execute(query)
        return {row[0]: ReleaseName(row[1], f"{row[2]}/{row[3]}", row[4]) for row in rows}
