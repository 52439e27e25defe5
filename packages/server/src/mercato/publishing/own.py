"""What vendors see of their own services: withdrawn ones, retired plans and every release too."""

from dataclasses import dataclass, replace

from mercato.identity import Caller, Permission
from mercato.platform import Session
from mercato.publishing.models import Canary, Plan, Release, Service
from mercato.publishing.own_rows import OwnRows
from mercato.publishing.refusals import ServiceNotFound
from mercato.publishing.repository import CatalogueRepository
from mercato_checks.semver import Version


@dataclass(frozen=True, slots=True)
class OwnService:
    """One line of the list. `releases` by status; `held` of the `deployments` are kept out of routing."""

    service: Service
    releases: dict[str, int]
    deployments: int
    held: int
    canary: Canary | None


@dataclass(frozen=True, slots=True)
class OwnListing:
    """One service whole, its releases from the highest version down, its plans as they were made."""

    service: Service
    releases: list[Release]
    plans: list[Plan]
    canary: Canary | None

    def latest_without(self, version: str) -> str | None:
        """The version that would describe the service if this one were no longer live."""
        return next((each.version for each in self.releases if each.status == "live" and each.version != version), None)


class OwnServices:
    """The services of the caller's organisation."""

    def __init__(self, session: Session) -> None:
        self._rows = OwnRows(session)
        self._catalogue = CatalogueRepository(session)

    async def list_all(self, caller: Caller, *, after: str | None, limit: int) -> list[OwnService]:
        """In the order of their names, after the name `after`."""
        caller.require(Permission.SERVICES_READ)
        services = await self._rows.services(caller.organisation_id, after, limit)
        ids = [service.id for service in services]
        releases, canaries = await self._rows.count_releases(ids), await self._rows.running_canaries(ids)
        held = await self._rows.held(ids)
        return [
            OwnService(service, releases.get(service.id, {}), *held.get(service.id, (0, 0)), canaries.get(service.id))
            for service in services
        ]

    async def get(self, caller: Caller, name: str) -> OwnListing:
        """Raises `ServiceNotFound`."""
        bare = await self.get_releases(caller, name)
        service_id = bare.service.id
        canaries = await self._rows.running_canaries([service_id])
        return replace(bare, plans=await self._catalogue.plans([service_id]), canary=canaries.get(service_id))

    async def get_releases(self, caller: Caller, name: str) -> OwnListing:
        """Without plans and canary, which cost a question each. Raises `ServiceNotFound`."""
        caller.require(Permission.SERVICES_READ)
        service = await self._rows.find(caller.organisation_id, name)
        if service is None:
            raise ServiceNotFound(f"Your organisation has no service {caller.organisation_slug}/{name[:64]}.")
        releases = await self._rows.releases(service.id)
        releases.sort(key=lambda release: Version.parse(release.version), reverse=True)
        return OwnListing(service, releases, [], None)

    async def list_canaries(self, caller: Caller, *, before: str | None, limit: int) -> list[tuple[Canary, Service]]:
        """Of all services, the newest first. A running one has no figures here."""
        caller.require(Permission.SERVICES_READ)
        return await self._rows.canaries(caller.organisation_id, before, limit)
