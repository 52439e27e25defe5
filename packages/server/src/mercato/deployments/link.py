"""Deployments of an organisation: listed, and linked to the key that they sign with."""

from dataclasses import dataclass
from datetime import timedelta

from mercato.deployments.models import DeploymentLink
from mercato.deployments.news import DeploymentLinked
from mercato.deployments.repository import LinkRepository, links_question
from mercato.deployments.signing import read_public_key
from mercato.identity import Caller, Permission
from mercato.platform import Clock, Outbox, Session, ask_together
from mercato.publishing import Catalogue, DeploymentHold, DeploymentHolds, DeploymentNotFound, RunningRelease

MISSED = 3
"""A deployment is stale after this many of its intervals without a heartbeat."""


@dataclass(frozen=True, slots=True)
class DeploymentState:
    """A deployment: what it runs, who holds it out of routing, and its link if it has one."""

    running: RunningRelease
    holds: list[DeploymentHold]
    link: DeploymentLink | None


class Deployments:
    """The deployments of the caller's organisation."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._catalogue = Catalogue(session)
        self._rows = LinkRepository(session)
        self._holds = DeploymentHolds(session, clock, outbox)
        self._clock = clock
        self._outbox = outbox

    async def list_all(self, caller: Caller) -> list[DeploymentState]:
        """All of them in the order they were made."""
        caller.require(Permission.SERVICES_READ)
        return await self._states(await self._catalogue.running_of_vendor(caller.organisation_id))

    async def get(self, caller: Caller, deployment_id: str) -> DeploymentState:
        """Raises `DeploymentNotFound`, also for another organisation's."""
        caller.require(Permission.SERVICES_READ)
        found = [
            running
            for running in await self._catalogue.running_of_vendor(caller.organisation_id)
            if running.deployment.id == deployment_id
        ]
        if not found:
            raise DeploymentNotFound(f"Your organisation has no deployment {deployment_id}.")
        return (await self._states(found))[0]

    async def link(
        self, caller: Caller, deployment_id: str, *, public_key: str, interval_seconds: int
    ) -> DeploymentState:
        """Link the deployment: it signs with this key and sends a heartbeat every `interval_seconds`.

        Linking again replaces the key; signatures by the old one are refused. Raises `DeploymentNotFound`,
        `PublicKeyMalformed`.
        """
        caller.require(Permission.DEPLOYMENTS_WRITE)
        read_public_key(public_key)
        await self.get(caller, deployment_id)
        now = self._clock.now()
        link = await self._rows.find(deployment_id, lock=True)
        if link is None:
            link = DeploymentLink(
                deployment_id=deployment_id,
                organisation_id=caller.organisation_id,
                state="linked",
                sequence=0,
                figures={},
                linked_at=now,
            )
            self._rows.add(link)
        link.public_key, link.interval_seconds = public_key, interval_seconds
        if link.state != "stale":
            link.due_at = now + timedelta(seconds=MISSED * interval_seconds)
        await self._rows.flush()
        await self._outbox.add(self._session, DeploymentLinked(by=caller.actor, deployment_id=deployment_id))
        return await self.get(caller, deployment_id)

    async def _states(self, running: list[RunningRelease]) -> list[DeploymentState]:
        ids = [one.deployment.id for one in running]
        holds, links = self._holds.question(ids), links_question(ids)
        answers = await ask_together(self._session, holds, links)
        held: dict[str, list[DeploymentHold]] = {}
        for hold in answers.of(holds):
            held.setdefault(hold.deployment_id, []).append(hold)
        linked = {link.deployment_id: link for link in answers.of(links)}
        return [DeploymentState(one, held.get(one.deployment.id, []), linked.get(one.deployment.id)) for one in running]
