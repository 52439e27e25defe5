"""A suspended organisation offers nothing: gateways route no call to its deployments, and approved releases of it wait,
until it is reinstated.
"""

from collections.abc import Sequence

from mercato.identity import OrganisationChanged
from mercato.platform import Clock, DurableSubscriber, Event, Outbox, Session
from mercato.publishing import Catalogue, DeploymentHolds, resume_releases

HOLDER = "suspension"
_HOLDS = {"suspended": True, "reinstated": False}


class SuspensionKeeper:
    """Hears of suspensions, and holds or lets go what the organisation runs."""

    def __init__(self, clock: Clock, outbox: Outbox) -> None:
        self._clock = clock
        self._outbox = outbox

    def subscriber(self) -> DurableSubscriber[OrganisationChanged]:
        """To be run by the worker."""
        return DurableSubscriber("suspensions", (OrganisationChanged,), self._handle)

    async def _handle(self, session: Session, events: Sequence[Event[OrganisationChanged]]) -> None:
        holds, catalogue = DeploymentHolds(session, self._clock, self._outbox), Catalogue(session)
        for event in events:
            held = _HOLDS.get(event.news.change)
            if held is None:
                continue
            for deployment in await catalogue.deployments_of_vendor(event.news.organisation_id):
                if held:
                    await holds.hold_deployment(
                        deployment.id, holder=HOLDER, by=event.news.by, reason="The vendor is suspended."
                    )
                else:
                    await holds.lift_hold(deployment.id, holder=HOLDER, by=event.news.by)
            if not held:
                await resume_releases(session, self._outbox, event.news.organisation_id, by=event.news.by)
