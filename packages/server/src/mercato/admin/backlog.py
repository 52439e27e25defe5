"""What waits to be done: news for its readers, workflows, messages to deliver."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.admin.health import is_stale
from mercato.admin.health_rows import HealthRows
from mercato.admin.workflows import WorkflowCounts
from mercato.identity import Caller, Permission
from mercato.platform import Clock, Session
from mercato.webhooks import count_due

_PREFIX, _WAITING, _AGE = "outbox.", ".waiting", ".age"


@dataclass(frozen=True, slots=True)
class Queue:
    """How much waits, since when the oldest does, and when that was read."""

    name: str
    waiting: int
    oldest: datetime | None
    read_at: datetime
    stale: bool = False


class Backlog:
    """For operators. `workflows`: how many the engine has under way."""

    def __init__(self, session: Session, clock: Clock, workflows: WorkflowCounts) -> None:
        self._session = session
        self._health = HealthRows(session)
        self._clock = clock
        self._workflows = workflows

    async def show(self, caller: Caller) -> list[Queue]:
        """Every queue."""
        caller.require(Permission.MARKETPLACE_READ)
        now = self._clock.now()
        queues = await self._readers(now)
        for state, (count, oldest) in self._workflows.items():
            queues.append(Queue(f"workflows {state}", count, oldest, now))
        due, oldest_due = await count_due(self._session)
        return [*queues, Queue("messages of webhooks", due, oldest_due, now)]

    async def _readers(self, now: datetime) -> list[Queue]:
        gauges = {each.name: each for each in await self._health.gauges() if each.name.startswith(_PREFIX)}
        queues = []
        for name, gauge in gauges.items():
            age = gauges.get(f"{name.removesuffix(_WAITING)}{_AGE}")
            if name.endswith(_WAITING):
                oldest = gauge.at - timedelta(seconds=age.value) if age is not None and gauge.value else None
                reader = name.removeprefix(_PREFIX).removesuffix(_WAITING)
                queues.append(Queue(f"news for {reader}", gauge.value, oldest, gauge.at, is_stale(gauge, now)))
        return queues
