"""Questions to the database about vendors' credentials."""

import hashlib
from collections.abc import Collection
from typing import Any

from sqlalchemy import Select, func, select

from mercato.platform import Session
from mercato.publishing.models import Deployment, Release, Service, VendorCredential


class CredentialRepository:
    """Vendors' sealed secrets, and the releases that use them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def lock_all(self, organisation_id: str) -> None:
        """One change of an organisation's credentials at a time, until the transaction ends."""
        digest = hashlib.sha256(f"credentials\0{organisation_id}".encode()).digest()
        lock = int.from_bytes(digest[:8], "big", signed=True)
        await self._session.execute(select(func.pg_advisory_xact_lock(lock)))

    async def find(self, organisation_id: str, name: str, *, lock: bool = False) -> VendorCredential | None:
        query = select(VendorCredential).where(
            VendorCredential.organisation_id == organisation_id, VendorCredential.name == name
        )
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def keep(self, organisation_id: str, name: str) -> bool:
        """Whether it exists; if so, nobody removes it until the transaction ends."""
        query = select(VendorCredential.name).where(
            VendorCredential.organisation_id == organisation_id, VendorCredential.name == name
        )
        return await self._session.scalar(query.with_for_update(read=True, key_share=True)) is not None

    async def count(self, organisation_id: str) -> int:
        query = select(func.count()).where(VendorCredential.organisation_id == organisation_id)
        return await self._session.scalar(query) or 0

    async def list_all(self, organisation_id: str) -> list[VendorCredential]:
        query = select(VendorCredential).where(VendorCredential.organisation_id == organisation_id)
        return list(await self._session.scalars(query.order_by(VendorCredential.name)))

    async def add(self, row: VendorCredential) -> None:
        self._session.add(row)
        await self._session.flush()

    async def remove(self, row: VendorCredential) -> None:
        await self._session.delete(row)
        await self._session.flush()

    async def names_using(self, organisation_id: str, name: str) -> list[str]:
        """Names of the listed services with a callable release that uses it."""
        query = _presenting(select(Service.name).distinct(), organisation_id, name)
        return list(await self._session.scalars(query.order_by(Service.name)))

    async def services_using(self, organisation_id: str, name: str) -> list[str]:
        """Ids of the listed services with a callable release that uses it."""
        query = _presenting(select(Service.id).distinct(), organisation_id, name)
        return list(await self._session.scalars(query.order_by(Service.id)))

    async def asked_by(self, service_ids: Collection[str]) -> list[tuple[str, str, str, dict[str, Any], bytes | None]]:
        """Deployment, vendor, credential's name, its `EndpointCredential`, and the sealed secret of that name."""
        named = Deployment.credential["secret"].astext
        rows = await self._session.execute(
            select(Deployment.id, Service.vendor_id, named, Deployment.credential, VendorCredential.sealed)
            .join(Release, Release.id == Deployment.release_id)
            .join(Service, Service.id == Release.service_id)
            .outerjoin(
                VendorCredential,
                (VendorCredential.organisation_id == Service.vendor_id) & (VendorCredential.name == named),
            )
            .where(Service.id.in_(service_ids), Release.status != "yanked", Deployment.credential.is_not(None))
        )
        return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def _presenting(query: Select[str], organisation_id: str, name: str) -> Select[str]:
    return (
        query.join(Release, Release.service_id == Service.id)
        .join(Deployment, Deployment.release_id == Release.id)
        .where(
            Service.vendor_id == organisation_id,
            Service.status == "listed",
            Release.status != "yanked",
            Deployment.credential["secret"].astext == name,
        )
    )
