"""What other rooms ask about deployments, and about whose they are."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from mercato.identity import Directory
from mercato.platform import Session
from mercato.publishing.running_rows import RunningRows


@dataclass(frozen=True, slots=True)
class OwnedDeployment:
    """A deployment and its vendor, by id and by slug."""

    id: str
    vendor_id: str
    vendor: str


class RunningDeployments:
    """Answers within one transaction. Held deployments and those of yanked releases are deployments too."""

    def __init__(self, session: Session) -> None:
        self._rows = RunningRows(session)
        self._directory = Directory(session)

    async def owners_of(self, deployment_ids: Collection[str]) -> list[OwnedDeployment]:
        """These deployments with their vendors, the oldest first; unknown ones are left out."""
        owners = await self._rows.owners(deployment_ids)
        vendors = await self._directory.find_many({vendor_id for _, vendor_id in owners})
        slugs = {vendor.id: vendor.slug for vendor in vendors}
        return [OwnedDeployment(deployment, vendor, slugs[vendor]) for deployment, vendor in owners]

    async def ids_of_service(self, service_id: str) -> list[str]:
        """All deployments of a service, in the order of ids."""
        return await self._rows.ids(service_id=service_id)

    async def ids_of_vendor(self, vendor_id: str, service_id: str | None = None) -> list[str]:
        """All deployments of a vendor, or those of one of its services, in the order of ids."""
        return await self._rows.ids(vendor_id=vendor_id, service_id=service_id)

    async def ids_of_protocol(self, protocol: str, service_id: str | None = None) -> list[str]:
        """All deployments of services with this protocol, or those of one such service, in the order of ids."""
        return await self._rows.ids(protocol=protocol, service_id=service_id)

    async def services_of_vendor(self, vendor_id: str) -> list[str]:
        """All services of a vendor, withdrawn ones too, in the order of ids."""
        return await self._rows.services(vendor_id)

    async def count_submissions(self, vendor_ids: Collection[str], until: datetime) -> dict[str, int]:
        """How many submissions each vendor had checked until then; a vendor without any is left out."""
        return await self._rows.submissions(vendor_ids, until)
