"""Releases and services after they were published: deprecated, yanked, withdrawn."""

from typing import Literal

from mercato.identity import Caller, Permission
from mercato.platform import Clock, Outbox, Session
from mercato.publishing.models import Release, Service
from mercato.publishing.news import ServiceChanged, ServiceWithdrawn
from mercato.publishing.refusals import ReleaseNotFound, ReleaseOver, ServiceNotFound
from mercato.publishing.release import move_latest_alias
from mercato.publishing.repository import CatalogueRepository


class Lifecycle:
    """The services of the caller's organisation."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = CatalogueRepository(session)
        self._clock = clock
        self._outbox = outbox

    async def retire_release(
        self, caller: Caller, vendor: str, name: str, version: str, status: Literal["deprecated", "yanked"], reason: str
    ) -> Release:
        """`deprecated`: calls continue, with a warning. `yanked`: it gets no more calls; there is no way back.

        The same status again changes nothing. Raises `ServiceNotFound`, `ReleaseNotFound`, `ReleaseOver`.
        """
        caller.require(Permission.SERVICES_PUBLISH)
        service = await self._get_own(caller, vendor, name)
        release = await self._rows.find_release(service.id, version, lock=True)
        if release is None:
            raise ReleaseNotFound(f"{vendor}/{name} has no release {version}.", version=version)
        if release.status == status:
            return release
        if release.status == "yanked":
            raise ReleaseOver(f"{vendor}/{name} {version} was yanked: {release.status_reason}")
        release.status, release.status_reason, release.status_at = status, reason, self._clock.now()
        canary = await self._rows.find_running_canary(service.id, lock=True)
        if canary is not None and canary.release_id == release.id:
            canary.state, canary.reason, canary.ended_by = "aborted", f"The release is {status}: {reason}", caller.actor
            canary.ended_at, canary = self._clock.now(), None
        await self._rows.flush()
        move_latest_alias(service, await self._rows.releases([service.id]), self._clock.now(), canary)
        news = ServiceChanged(by=caller.actor, service_id=service.id, release_id=release.id, status=status)
        await self._outbox.add(self._session, news)
        return release

    async def withdraw(self, caller: Caller, vendor: str, name: str) -> Service:
        """Take the service from the catalogue: it is not found, subscribed to or called. A new release lists it again.

        Raises `ServiceNotFound`.
        """
        caller.require(Permission.SERVICES_PUBLISH)
        service = await self._get_own(caller, vendor, name)
        if service.status != "withdrawn":
            service.status, service.updated_at = "withdrawn", self._clock.now()
            await self._outbox.add(self._session, ServiceWithdrawn(by=caller.actor, service_id=service.id))
        return service

    async def _get_own(self, caller: Caller, vendor: str, name: str) -> Service:
        service = None
        if vendor == caller.organisation_slug:
            service = await self._rows.lock_service(caller.organisation_id, name)
        if service is None:
            raise ServiceNotFound(f"Your organisation has no service {vendor}/{name}.")
        return service
