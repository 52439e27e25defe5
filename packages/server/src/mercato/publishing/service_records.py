"""Services with their whole history, for systems outside that keep a record of models."""

from collections.abc import Mapping
from dataclasses import dataclass

from mercato.identity import NamedOrganisation
from mercato.platform import Session
from mercato.publishing.models import Release, Service
from mercato.publishing.repository import CatalogueRepository


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """A service, withdrawn and private ones too, with its releases in the order they were released.

    `digests` has by release id the SHA-256 of what was submitted (manifest and document). `canary` is the id of the
    release that takes a share of the calls, if one does.
    """

    service: Service
    vendor: NamedOrganisation
    releases: list[Release]
    digests: Mapping[str, str]
    canary: str | None


class ServiceRecords:
    """All services, whoever may see them."""

    def __init__(self, session: Session) -> None:
        self._rows = CatalogueRepository(session)

    async def list_ids(self, after: str, limit: int) -> list[str]:
        """The ids of services after this one, in order."""
        return await self._rows.service_ids_after(after, limit)

    async def find(self, service_id: str) -> ServiceRecord | None:
        """The record, or `None` where there is no such service."""
        found = await self._rows.find_with_vendor(service_id)
        if found is None:
            return None
        canary = await self._rows.find_running_canary(service_id)
        return ServiceRecord(
            *found,
            await self._rows.releases([service_id]),
            await self._rows.submitted_digests(service_id),
            None if canary is None else canary.release_id,
        )
