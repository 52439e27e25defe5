"""How the marketplace's own services are doing: what the probes found, and since when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from mercato.admin.health_models import HealthChange, HealthGauge, ServiceHealth
from mercato.admin.health_rows import HealthRows, Step
from mercato.admin.news import HealthChanged
from mercato.identity import Actors, Caller, Permission
from mercato.platform import Clock, Ids, Outbox, Question, Session, ask_together
from mercato.webhooks import HEALTH_CHANGED, announce_to
from mercato_contracts import ids as id_prefix

SERVICES = ("publishing", "discovery", "consumption", "accounts", "vendors", "admin", "gateway", "worker", "postgresql")
"""What every marketplace has. Redis, the bucket of files and others are probed where they are set."""
STALE = timedelta(seconds=90)
"""Three rounds of probes. What nobody looked at for so long is unknown, whatever it was before."""
KEPT = timedelta(days=90)
_LAST_THREE = 0b111
_BAD_TO_BE_DOWN = 2
_LONGEST_DETAIL = 300

Unit = Literal["count", "seconds", "bytes", "milliseconds"]
State = Literal["up", "down", "unknown"]


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure of `service`."""

    service: str
    name: str
    value: int
    unit: Unit


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe found. `latency_ms` is `None` where nothing answered."""

    ready: bool
    latency_ms: int | None
    version: str = ""
    detail: str = ""
    gauges: tuple[Gauge, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceNow:
    """One service as of now; `row` is `None` where it was never probed."""

    name: str
    state: State
    row: ServiceHealth | None
    detail: str
    gauges: list[HealthGauge] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Span:
    """The probes of a span of time."""

    service: str
    start: datetime
    probes: int
    failed: int
    latency_ms: int | None
    latency_max_ms: int | None


class HealthBook:
    """Takes what probes found, and shows it to operators."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = HealthRows(session)
        self._actors = Actors(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def now(self, caller: Caller) -> list[ServiceNow]:
        """Every service; what was not probed lately is unknown."""
        services, gauges = self.questions(caller)
        answers = await ask_together(self._session, services, gauges)
        return self.as_of_now(answers.of(services), answers.of(gauges))

    def questions(self, caller: Caller) -> tuple[Question[ServiceHealth], Question[HealthGauge]]:
        """What `as_of_now` needs, to be asked together with other things."""
        caller.require(Permission.MARKETPLACE_READ)
        return self._rows.services_question(), self._rows.gauges_question()

    def as_of_now(self, services: Sequence[ServiceHealth], gauges: Sequence[HealthGauge]) -> list[ServiceNow]:
        """What `now` tells of these rows."""
        rows = {row.name: row for row in services}
        names = [*SERVICES, *(name for name in rows if name not in SERVICES)]
        own: dict[str, list[HealthGauge]] = {}
        for gauge in gauges:
            own.setdefault(gauge.service, []).append(gauge)
        return [self._as_of_now(name, rows.get(name), own.get(name, [])) for name in names]

    async def history(self, caller: Caller, service: str | None, *, since: datetime, step: Step) -> list[Span]:
        """Spans with probes, the oldest first; of every service where none is named."""
        caller.require(Permission.MARKETPLACE_READ)
        found = await self._rows.history(service, max(since, self._clock.now() - KEPT), step)
        return [_span(row) for row in found]

    async def changes(
        self, caller: Caller, service: str | None, *, before: str | None, limit: int
    ) -> list[HealthChange]:
        """The newest first."""
        caller.require(Permission.MARKETPLACE_READ)
        return await self._rows.changes(service, before, limit)

    async def record(self, prober: str, at: datetime, found: Mapping[str, Probed]) -> None:
        """Take one round of probes. A service that went down or came back is news."""
        rows = await self._rows.services(lock=True)
        for name, probed in found.items():
            await self._take(rows.get(name), name, prober, at, probed)
        await self._rows.add_quarters([_quarter(name, at, probed) for name, probed in found.items()])
        gauges = [gauge for probed in found.values() for gauge in probed.gauges]
        if gauges:
            await self._rows.put_gauges([_gauge(gauge, at) for gauge in gauges])
        if any(row.probed_by == prober and row.name not in found for row in rows.values()):
            await self._rows.forget_services(prober, list(found))

    async def forget(self) -> int:
        """Drop what is older than 90 days; how many rows."""
        return await self._rows.forget(self._clock.now() - KEPT)

    async def _take(self, row: ServiceHealth | None, name: str, prober: str, at: datetime, probed: Probed) -> None:
        before = "unknown" if row is None else row.state
        recent = ((0 if row is None else row.recent) << 1 | (not probed.ready)) & _LAST_THREE
        is_down = recent.bit_count() >= _BAD_TO_BE_DOWN
        # What never answered is not up because it failed only once.
        state = "down" if is_down else "up" if probed.ready or before != "unknown" else "unknown"
        if row is None:
            row = ServiceHealth(name=name, since=at)
            self._rows.add(row)
        row.probed_by, row.probed_at, row.recent, row.state = prober, at, recent, state
        row.latency_ms, row.version = probed.latency_ms, probed.version or row.version or ""
        row.detail = "" if probed.ready else probed.detail[:_LONGEST_DETAIL]
        if state != before:
            row.since = at
            if before != "unknown" or state == "down":
                await self._tell(name, before, state, probed, at)

    async def _tell(self, name: str, before: str, state: str, probed: Probed, at: datetime) -> None:
        change = HealthChange(
            id=self._ids.new(id_prefix.HEALTH_CHANGE), service=name, before=before, state=state,
            detail=probed.detail[:_LONGEST_DETAIL], at=at,
        )  # fmt: skip
        self._rows.add(change)
        news = HealthChanged(by="health", change_id=change.id, service=name, state=state, reason=change.detail)
        await self._outbox.add(self._session, news)
        data = {"change_id": change.id, "service": name, "state": state, "reason": change.detail}
        operators = await self._actors.operator_ids()
        await announce_to(self._session, self._clock, self._ids, operators, HEALTH_CHANGED, data)

    def _as_of_now(self, name: str, row: ServiceHealth | None, gauges: list[HealthGauge]) -> ServiceNow:
        if row is None:
            return ServiceNow(name, "unknown", None, "Nothing has probed it yet.", gauges)
        if self._clock.now() - row.probed_at > STALE:
            since = f"{row.probed_at:%Y-%m-%d %H:%M:%S} UTC"
            return ServiceNow(name, "unknown", row, f"The {row.probed_by} has not probed it since {since}.", gauges)
        return ServiceNow(name, cast(State, row.state), row, row.detail, gauges)


def worst(states: Sequence[State]) -> State:
    """Down before unknown before up."""
    return "down" if "down" in states else "unknown" if "unknown" in states else "up"


def is_stale(gauge: HealthGauge, now: datetime) -> bool:
    """Whether it was read too long ago to be of use."""
    return now - gauge.at > STALE


def _quarter(name: str, at: datetime, probed: Probed) -> dict[str, Any]:
    answered = probed.ready and probed.latency_ms is not None
    latency = (probed.latency_ms or 0) if answered else 0
    start = at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)
    return {
        "service": name, "start": start, "probes": 1, "failed": int(not probed.ready), "latency_ms": latency,
        "latency_max_ms": latency,
    }  # fmt: skip


def _gauge(gauge: Gauge, at: datetime) -> dict[str, Any]:
    return {"service": gauge.service, "name": gauge.name, "value": gauge.value, "unit": gauge.unit, "at": at}


def _span(row: Any) -> Span:
    probes, failed = int(row[2]), int(row[3])
    answered = probes - failed
    mean = round(int(row[4]) / answered) if answered else None
    return Span(row[0], row[1], probes, failed, mean, int(row[5]) if answered else None)
