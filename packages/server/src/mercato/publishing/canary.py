"""A new release that takes a share of the calls: started, promoted, rolled back. A room above judges it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from mercato.identity import Caller, Permission
from mercato.platform import Clock, Ids, Outbox, Session
from mercato.publishing.models import Canary, Release, Service
from mercato.publishing.news import ServiceChanged
from mercato.publishing.refusals import (
    CanaryNotFound,
    CanaryNotNewest,
    CanaryUnderWay,
    ReleaseNotFound,
    ReleaseOver,
    ServiceNotFound,
)
from mercato.publishing.release import follow_latest, follow_visibility, latest_of, may_be_canary, new_canary
from mercato.publishing.repository import CatalogueRepository
from mercato_contracts.manifest import CanaryTerms

Ending = Literal["promoted", "rolled_back", "aborted"]


class Canaries:
    """The canaries of the caller's services. Every change is news to the gateways (`service.changed`)."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = CatalogueRepository(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def start(self, caller: Caller, vendor: str, name: str, version: str, terms: CanaryTerms) -> Canary:
        """`version` takes `terms.percent` of the calls; the release before it keeps the rest, listing and plans.

        Raises `ServiceNotFound`, `ReleaseNotFound`, `ReleaseOver`, `CanaryUnderWay`, `CanaryNotNewest`.
        """
        service = await self.get_service(caller, vendor, name)
        release = await self._rows.find_release(service.id, version, lock=True)
        if release is None:
            raise ReleaseNotFound(f"{vendor}/{name} has no release {version}.", version=version)
        if release.status == "yanked":
            raise ReleaseOver(f"{vendor}/{name} {version} was yanked: {release.status_reason}")
        running = await self._rows.find_running_canary(service.id, lock=True)
        if running is not None:
            raise CanaryUnderWay(f"{vendor}/{name} {running.version} is a canary now.", version=running.version)
        if not may_be_canary(release, await self._rows.releases([service.id])):
            raise CanaryNotNewest(f"{version} is not the newest of {vendor}/{name}, or the only one.", version=version)
        # One that was rolled back may be tried again.
        release.status, release.status_reason, release.status_at = "live", "", self._clock.now()
        canary = new_canary(self._ids, release, terms, caller.actor, self._clock.now())
        self._rows.add(canary)
        await self._tell(ServiceChanged(by=caller.actor, service_id=service.id), service)
        return canary

    async def get_service(self, caller: Caller, vendor: str, name: str) -> Service:
        """The caller's own service, its name locked until the transaction ends. Raises `ServiceNotFound`."""
        caller.require(Permission.SERVICES_PUBLISH)
        service = None
        if vendor == caller.organisation_slug:
            service = await self._rows.lock_service(caller.organisation_id, name)
        if service is None or service.status != "listed":
            raise ServiceNotFound(f"Your organisation has no service {vendor}/{name}.")
        return service

    async def get_running(self, service: Service) -> Canary:
        """The running canary, locked. Raises `CanaryNotFound`."""
        canary = await self._rows.find_running_canary(service.id, lock=True)
        if canary is None:
            raise CanaryNotFound(f"No canary of {service.name} runs.")
        return canary

    async def list_of(self, service: Service, *, after: str | None, limit: int) -> list[Canary]:
        """The newest first."""
        return await self._rows.list_canaries(service.id, after, limit)

    async def running_ids(self) -> list[str]:
        """The services that have a canary now."""
        return [canary.service_id for canary in await self._rows.running_canaries()]

    async def take_running(self, service_id: str) -> tuple[Service, Canary] | None:
        """The service and its canary, both locked; `None` if it no longer runs."""
        service = await self._rows.find_service(service_id)
        assert service is not None, "a canary has a service"
        await self._rows.lock_service(service.vendor_id, service.name)
        canary = await self._rows.find_running_canary(service_id, lock=True)
        return None if canary is None else (service, canary)

    async def stable_of(self, canary: Canary) -> Release | None:
        """The release that takes the other calls; `None` if every other one was yanked."""
        others = [
            release
            for release in await self._rows.releases([canary.service_id])
            if release.id != canary.release_id and release.status == "live"
        ]
        return latest_of(others) if others else None

    async def end(self, canary: Canary, ending: Ending, *, reason: str, by: str, figures: Mapping[str, Any]) -> Canary:
        """`promoted`: it takes all calls. Otherwise it is deprecated: only callers that name its version get it."""
        service = await self._rows.find_service(canary.service_id)
        assert service is not None, "a canary has a service"
        now = self._clock.now()
        canary.state, canary.reason, canary.figures = ending, reason, dict(figures)
        canary.ended_at, canary.ended_by = now, by
        news = ServiceChanged(by=by, service_id=service.id)
        if ending == "promoted":
            await self._show_as(service, canary.version, by)
        else:
            release = await self._rows.find_release(service.id, canary.version, lock=True)
            assert release is not None, "a canary has a release"
            release.status, release.status_at = "deprecated", now
            release.status_reason = f"The canary was {ending.replace('_', ' ')}: {reason}"
            news = replace(news, release_id=release.id, status=release.status)
        await self._tell(news, service)
        return canary

    async def _show_as(self, service: Service, version: str, by: str) -> None:
        """Those see the service from now on that this version names."""
        release = await self._rows.find_release(service.id, version)
        seen = None if release is None else follow_visibility(service, release, by)
        if seen is not None:
            await self._outbox.add(self._session, seen)

    async def _tell(self, news: ServiceChanged, service: Service) -> None:
        await follow_latest(self._rows, self._ids, service, self._clock.now())
        await self._outbox.add(self._session, news)
