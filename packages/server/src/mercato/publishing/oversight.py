"""For governance: many services with their releases, and how each release was decided."""

from collections.abc import Collection

from mercato.identity import Caller, Permission
from mercato.platform import Session
from mercato.publishing.models import Approval, Evidence, Release, Service, Submission, Vote
from mercato.publishing.oversight_rows import OversightRows
from mercato.publishing.repository import CatalogueRepository, SubmissionRepository


class Oversight:
    """Answers for many at once. Only its vendor and operators see how a release was decided."""

    def __init__(self, session: Session) -> None:
        self._listings = CatalogueRepository(session)
        self._submissions = SubmissionRepository(session)
        self._many = OversightRows(session)

    async def services(self, caller: Caller, *, after: str, limit: int) -> list[Service]:
        """The listed services by id: all of them for operators, for others those of their organisation."""
        if caller.may(Permission.MARKETPLACE_READ):
            return [service for service, _ in await self._listings.all_listed_after(after, limit)]
        caller.require(Permission.SERVICES_READ)
        return await self._many.listed_of_vendor(caller.organisation_id, after, limit)

    async def releases(self, service_ids: Collection[str]) -> dict[str, list[Release]]:
        """By service, in the order they were released. Everybody may see them."""
        found: dict[str, list[Release]] = {service_id: [] for service_id in service_ids}
        for release in await self._listings.releases(service_ids):
            found[release.service_id].append(release)
        return found

    async def submissions(self, caller: Caller, ids: Collection[str]) -> dict[str, Submission]:
        """Those that the caller may see."""
        found = await self._submissions.find_many(ids)
        return {one.id: one for one in found.values() if self.sees(caller, one.vendor_id)}

    async def submissions_named(self, ids: Collection[str]) -> dict[str, Submission]:
        """Whoever's they are: for news that is then shown to those who may see it."""
        return await self._submissions.find_many(ids)

    async def evidence(self, ids: Collection[str]) -> dict[str, list[Evidence]]:
        """Of submissions that the caller was found to see."""
        return await self._submissions.evidence(ids)

    async def approvals(self, ids: Collection[str]) -> dict[str, tuple[Approval, list[Vote]]]:
        """Of submissions that the caller was found to see: how each was decided, and by whom."""
        votes = await self._many.votes_of(ids)
        return {key: (row, votes[key]) for key, row in (await self._many.approvals(ids)).items()}

    def sees(self, caller: Caller, vendor_id: str) -> bool:
        """Whether the caller may see how a release of this vendor came about."""
        own = caller.organisation_id == vendor_id and caller.may(Permission.SERVICES_READ)
        return own or caller.may(Permission.MARKETPLACE_READ)

    def require_sight(self, caller: Caller, vendor_id: str) -> None:
        """Raises `NotAllowed` where `sees` says no."""
        if not self.sees(caller, vendor_id):
            caller.require(Permission.MARKETPLACE_READ)
