"""Deployments kept out of routing for a reason, by any number of holders at once."""

from collections.abc import Collection

from mercato.platform import Clock, Outbox, Question, Session
from mercato.publishing.hold_rows import HoldRepository, holds_question
from mercato.publishing.models import DeploymentHold
from mercato.publishing.news import HoldChanged
from mercato.publishing.refusals import DeploymentNotFound
from mercato.publishing.repository import CatalogueRepository


class DeploymentHolds:
    """Holds on deployments. A deployment gets calls while nobody holds it; gateways hear of each change at once.

    `holder` names what holds it (`heartbeat`, `kill-switch:kil_…`): one holder never lifts another's hold. `by` is who
    caused the change: the id of a user, key or token, or the name of the process or chore.
    """

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._catalogue = CatalogueRepository(session)
        self._rows = HoldRepository(session)
        self._clock = clock
        self._outbox = outbox

    async def hold_deployment(self, deployment_id: str, *, holder: str, reason: str, by: str) -> bool:
        """Hold it: no new call is routed to it.

        Returns whether this changed anything; a repeat by the same holder only renews its reason.

        Raises `DeploymentNotFound`.
        """
        service_id = await self._service_of(deployment_id)
        if not await self._rows.put(deployment_id, holder, reason, self._clock.now()):
            return False
        await self._outbox.add(
            self._session,
            HoldChanged(by=by, deployment_id=deployment_id, service_id=service_id, holder=holder, held=True),
        )
        return True

    async def lift_hold(self, deployment_id: str, *, holder: str, by: str) -> bool:
        """End this holder's hold; returns whether there was one.

        Calls are routed to it again once nobody holds it. Raises `DeploymentNotFound`.
        """
        service_id = await self._service_of(deployment_id)
        if not await self._rows.remove(deployment_id, holder):
            return False
        await self._outbox.add(
            self._session,
            HoldChanged(by=by, deployment_id=deployment_id, service_id=service_id, holder=holder, held=False),
        )
        return True

    async def holds_on(self, deployment_ids: Collection[str]) -> dict[str, list[DeploymentHold]]:
        """By deployment, the oldest first; those that nobody holds are left out."""
        return await self._rows.of(deployment_ids)

    def question(self, deployment_ids: Collection[str]) -> Question[DeploymentHold]:
        """The same, to be asked together with other things."""
        return holds_question(deployment_ids)

    async def _service_of(self, deployment_id: str) -> str:
        service = await self._catalogue.find_service_of(deployment_id)
        if service is None:
            raise DeploymentNotFound(f"There is no deployment {deployment_id}.", deployment=deployment_id)
        return service.id
