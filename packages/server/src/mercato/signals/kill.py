"""Kill switches: take a deployment, a vendor or the whole desk out of routing and the next consensus at once."""

from collections.abc import Collection, Sequence
from typing import Any

from mercato.deployments import DeploymentLive, DeploymentStale
from mercato.identity import Caller, Directory, Permission, PersonKeys, is_person
from mercato.platform import Clock, DurableSubscriber, Event, Ids, Outbox, Question, Session
from mercato.publishing import Catalogue, DeploymentHolds, RunningDeployments, ServiceReleased
from mercato.signals.kill_rows import KillRows
from mercato.signals.models import KillSwitch
from mercato.signals.record import DeskRecord
from mercato.signals.refusals import KillSwitchNotFound, KillTargetUnknown
from mercato_contracts import ids as id_prefix
from mercato_contracts.desk import KillScope

ALL = "*"
OPERATOR = "operator"
BY_ITSELF = "the desk"
"""The actor of actions without a person."""


class KillSwitches:
    """Throws and lifts, within one transaction: record, holds and news together or not at all."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._rows = KillRows(session)
        self._catalogue = Catalogue(session)
        self._running = RunningDeployments(session)
        self._directory = Directory(session)
        self._holds = DeploymentHolds(session, clock, outbox)
        self._record = DeskRecord(session, clock)
        self._keys = PersonKeys(session, clock, ids)
        self._clock = clock
        self._ids = ids

    async def throw(self, caller: Caller, scope: KillScope, target: str, reason: str) -> KillSwitch:
        """Throw a switch as an operator.

        `target` is a deployment's id, a vendor's slug or id, or `*`; throwing it twice makes one switch.

        Raises `NotAllowed`, `KillTargetUnknown`.
        """
        caller.require(Permission.MARKETPLACE_WRITE)
        return await self._throw(scope, await self._resolve(scope, target), OPERATOR, reason, caller.actor)

    async def throw_automatically(self, deployment_id: str, trigger: str, reason: str) -> KillSwitch:
        """Throw a switch on one deployment by a trigger."""
        return await self._throw("deployment", deployment_id, trigger, reason, BY_ITSELF)

    async def lift(self, caller: Caller, switch_id: str, reason: str) -> KillSwitch:
        """Raises `NotAllowed`, `StepUpNeeded`, `KillSwitchNotFound`; lifting twice is lifting once."""
        caller.require(Permission.MARKETPLACE_WRITE)
        caller.require_step_up(self._clock.now())
        await self._record.lock()
        row = await self._rows.find(switch_id)
        if row is None:
            raise KillSwitchNotFound(f"There is no kill switch {switch_id}.")
        if row.lifted_at is not None:
            return row
        row.lifted_at, row.lifted_by = self._clock.now(), caller.actor
        for deployment_id in await self._covered(row.scope, row.target):
            await self._holds.lift_hold(deployment_id, holder=_holder(row), by=caller.actor)
        await self._record.add(
            caller.actor, "kill.lifted", row.target, switch=row.id, reason=await self._words(caller.actor, reason)
        )
        return row

    async def list_all(self, caller: Caller, *, thrown_only: bool) -> Sequence[KillSwitch]:
        """The newest first, as the operator sees them."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._rows.newest(thrown_only=thrown_only)

    def thrown_question(self, caller: Caller) -> Question[KillSwitch]:
        """Those that are not lifted, the newest first, to be asked together with other things."""
        caller.require(Permission.MARKETPLACE_READ)
        return self._rows.thrown_question()

    async def held(self, deployment_ids: Collection[str]) -> set[str]:
        """Which of these deployments are held out of routing, by a switch or a missing heartbeat."""
        return set(await self._holds.holds_on(deployment_ids))

    async def cover(self, service_ids: Collection[str]) -> int:
        """Hold deployments that were released under an active switch; returns how many."""
        await self._record.lock()
        switches = await self._rows.thrown()
        found = 0
        for service_id in service_ids if switches else ():
            service = await self._catalogue.get_service(service_id)
            for switch in switches:
                if (switch.scope == "all" and service.protocol == "signal") or switch.target == service.vendor_id:
                    for deployment_id in await self._covered(switch.scope, switch.target, service_id):
                        found += await self._extend(switch, deployment_id)
        return found

    async def _resolve(self, scope: KillScope, target: str) -> str:
        if scope == "all":
            return ALL
        if scope == "deployment":
            if await self._catalogue.find_deployment(target) is None:
                raise KillTargetUnknown(f"There is no deployment {target}.")
            return target
        if target.startswith("org_"):
            return (await self._directory.get(target)).id
        return (await self._directory.get_by_slug(target)).id

    async def _throw(self, scope: str, target: str, origin: str, reason: str, by: str) -> KillSwitch:
        # Lock before reading: of two concurrent throws, the second finds the first one's row.
        await self._record.lock()
        row = await self._rows.find_thrown(scope, target, origin)
        what = "kill.thrown" if row is None else "kill.confirmed"
        if row is None:
            row = KillSwitch(
                id=self._ids.new(id_prefix.KILL_SWITCH), scope=scope, target=target, origin=origin, reason=reason,
                by=by, thrown_at=self._clock.now(), lifted_by=None, lifted_at=None,
            )  # fmt: skip
            await self._rows.add(row)
        words = await self._words(by, reason)
        await self._record.add(by, what, target, switch=row.id, scope=scope, origin=origin, reason=words)
        for deployment_id in await self._covered(scope, target):
            await self._hold(row, deployment_id, by)
        return row

    async def _extend(self, switch: KillSwitch, deployment_id: str) -> bool:
        if not await self._hold(switch, deployment_id, BY_ITSELF):
            return False
        words = await self._words(switch.by, switch.reason)
        await self._record.add(BY_ITSELF, "kill.extended", deployment_id, switch=switch.id, reason=words)
        return True

    async def _words(self, by: str, reason: str) -> str | dict[str, Any]:
        """A person's words as the record keeps them: sealed with their key, because a line can never be changed."""
        if not is_person(by):
            return reason
        return (await self._keys.ring([by])).seal([by], reason.encode(), self._ids)

    async def _hold(self, switch: KillSwitch, deployment_id: str, by: str) -> bool:
        return await self._holds.hold_deployment(deployment_id, holder=_holder(switch), reason=switch.reason, by=by)

    async def _covered(self, scope: str, target: str, service_id: str | None = None) -> Sequence[str]:
        """Ids of the deployments under a switch, in order; `service_id` limits them to one service."""
        if scope == "all":
            return await self._running.ids_of_protocol("signal", service_id)
        if scope == "vendor":
            return await self._running.ids_of_vendor(target, service_id)
        return [target] if service_id is None else []


def _holder(switch: KillSwitch) -> str:
    return f"kill-switch:{switch.id}"


class KillKeeper:
    """Reads news of releases, to hold what an active switch covers from its first moment, and news of heartbeats that
    are missing or back: they hold a deployment as a switch does, and are recorded too.
    """

    def __init__(self, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._parts = (clock, ids, outbox)

    def subscribers(self) -> list[DurableSubscriber[Any]]:
        """Durable readers."""
        return [
            DurableSubscriber("kill switches", (ServiceReleased,), self._cover),
            DurableSubscriber("the record of heartbeats", (DeploymentStale, DeploymentLive), self._note),
        ]

    async def _cover(self, session: Session, events: Sequence[Event[ServiceReleased]]) -> None:
        await KillSwitches(session, *self._parts).cover({event.news.service_id for event in events})

    async def _note(self, session: Session, events: Sequence[Event[DeploymentStale | DeploymentLive]]) -> None:
        record = DeskRecord(session, self._parts[0])
        for event in events:
            what = "heartbeat.missing" if isinstance(event.news, DeploymentStale) else "heartbeat.back"
            facts = {"since": event.at.isoformat(), "reason": event.news.reason}
            await record.add(BY_ITSELF, what, event.news.deployment_id, **facts)
