"""Services with their whole history, for systems outside that keep a record of models."""

from collections.abc import Collection, Mapping
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

    async def find_many(self, service_ids: Collection[str]) -> list[ServiceRecord]:
        """Their records by id; unknown ones are left out. Four questions, however many there are."""
        releases: dict[str, list[Release]] = {}
        for release in await self._rows.releases(service_ids):
            releases.setdefault(release.service_id, []).append(release)
        digests = await self._rows.submitted_digests(service_ids)
        canaries = {canary.service_id: canary.release_id for canary in await self._rows.running_canaries(service_ids)}
        return [
            ServiceRecord(service, vendor, own := releases.get(service.id, []),
                          {release.id: digests[release.id] for release in own if release.id in digests},
                          canaries.get(service.id))
            for service, vendor in sorted(
                await self._rows.find_many_with_vendor(service_ids), key=lambda found: found[0].id
            )
        ]  # fmt: skip
