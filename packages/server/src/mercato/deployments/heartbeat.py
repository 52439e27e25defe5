"""Heartbeats: recent, signed, each accepted once.

A deployment without them is held out of routing until one arrives.
"""

from datetime import datetime, timedelta

from mercato.deployments.link import MISSED
from mercato.deployments.models import DeploymentLink
from mercato.deployments.news import DeploymentLive, DeploymentStale
from mercato.deployments.refusals import HeartbeatOutOfTime, HeartbeatReplayed, NotLinked, OtherDeployment
from mercato.deployments.repository import LinkRepository
from mercato.deployments.signing import verify
from mercato.identity import Caller, Permission
from mercato.platform import Clock, Outbox, Session
from mercato.publishing import DeploymentHolds, DeploymentNotFound
from mercato_contracts.deployments import Heartbeat

HOLDER = "heartbeat"
MOST_APART = timedelta(seconds=60)
_AT_ONCE = 200


class Heartbeats:
    """Takes heartbeats and watches for missing ones, within one transaction."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = LinkRepository(session)
        self._holds = DeploymentHolds(session, clock, outbox)
        self._clock = clock
        self._outbox = outbox

    async def take(self, caller: Caller, heartbeat: Heartbeat, body: bytes, signature: str | None) -> DeploymentLink:
        """Accept a heartbeat. `body` is what was signed and what `heartbeat` was parsed from.

        Raises `OtherDeployment`, `DeploymentNotFound`, `NotLinked`, `SignatureRefused`, `HeartbeatOutOfTime`,
        `HeartbeatReplayed`.
        """
        caller.require(Permission.HEARTBEATS_WRITE)
        if caller.deployment_id not in (None, heartbeat.deployment):
            raise OtherDeployment(f"This token speaks for {caller.deployment_id}, not for {heartbeat.deployment}.")
        # Lock before reading the sequence: of two copies that arrive at once, one is accepted.
        link = await self._rows.find(heartbeat.deployment, lock=True)
        if link is None:
            raise NotLinked(f"Of {heartbeat.deployment} no public key is known.", deployment=heartbeat.deployment)
        if link.organisation_id != caller.organisation_id:
            raise DeploymentNotFound(f"Your organisation has no deployment {heartbeat.deployment}.")
        verify(link.public_key, body, signature)
        self._check_time(heartbeat)
        if heartbeat.sequence <= link.sequence:
            raise HeartbeatReplayed(
                f"Heartbeat {heartbeat.sequence} does not follow {link.sequence}, the last one taken.",
                last=link.sequence,
            )
        await self._live_again(link, caller.actor)
        now = self._clock.now()
        link.state, link.sequence, link.heard_at = "live", heartbeat.sequence, now
        link.due_at = now + timedelta(seconds=MISSED * link.interval_seconds)
        link.figures = heartbeat.figures.model_dump(exclude_none=True)
        await self._rows.flush()
        return link

    async def hold_stale(self) -> int:
        """Hold overdue deployments out of routing; returns how many. For the worker."""
        overdue = await self._rows.lock_overdue(self._clock.now(), _AT_ONCE)
        for link in overdue:
            link.state = "stale"
            seconds = MISSED * link.interval_seconds
            reason = f"No heartbeat for {seconds} s, one is due every {link.interval_seconds} s."
            await self._holds.hold_deployment(link.deployment_id, holder=HOLDER, reason=reason, by=HOLDER)
            news = DeploymentStale(
                by=HOLDER, deployment_id=link.deployment_id, organisation_id=link.organisation_id, reason=reason
            )
            await self._outbox.add(self._session, news)
        return len(overdue)

    async def find_next_due(self) -> datetime | None:
        """When `hold_stale` may next have work, as far as is known now.

        Only news makes it earlier: a deployment is linked, or is live again.
        """
        return await self._rows.find_next_due()

    async def _live_again(self, link: DeploymentLink, by: str) -> None:
        before = link.state
        if before != "live":
            await self._holds.lift_hold(link.deployment_id, holder=HOLDER, by=by)
            reason = f"A heartbeat came after it was {before}."
            news = DeploymentLive(
                by=by, deployment_id=link.deployment_id, organisation_id=link.organisation_id, reason=reason
            )
            await self._outbox.add(self._session, news)

    def _check_time(self, heartbeat: Heartbeat) -> None:
        apart = abs(self._clock.now() - heartbeat.sent_at)
        if apart > MOST_APART:
            raise HeartbeatOutOfTime(
                f"The heartbeat's `sent_at` is {apart.total_seconds():.0f} s from now; at most "
                f"{MOST_APART.total_seconds():.0f} s are allowed."
            )
