"""Decides whether a canary is better or worse than the release that it would replace, from metered calls alone, in
whole numbers.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mercato.identity import Caller
from mercato.metering import ReleaseCalls, calls_of_release
from mercato.platform import Clock, Database, Ids, Outbox, Session
from mercato.publishing import Canaries, Canary, Service
from mercato_contracts.manifest import CanaryTerms


@dataclass(frozen=True, slots=True)
class Compared:
    """The calls of the canary and of the stable release since the canary started; `stable` is `None` without one."""

    version: str
    canary: ReleaseCalls
    stable_version: str | None
    stable: ReleaseCalls | None

    def as_figures(self) -> dict[str, Any]:
        """The figures as stored with the canary: `{"canary": {…}, "stable": {…} or None}`."""
        stable = None
        if self.stable is not None:
            stable = _figures(self.stable_version or "", self.stable)
        return {"canary": _figures(self.version, self.canary), "stable": stable}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rule's verdict, and the reason in one sentence with the figures."""

    promote: bool
    reason: str


def judge(canary: Canary, compared: Compared, *, age: timedelta) -> Verdict | None:
    """Judge the canary; `None` while either release has too few calls, or while all is well but it is too early to
    promote.

    The error rates `f/n` are compared as `f_c * n_s - f_s * n_c > points * n_c * n_s / 10,000`, without division.
    """
    new, old = compared.canary, compared.stable
    if old is None or min(new.calls, old.calls) < canary.min_calls:
        return None
    errors = f"{new.failed} of {new.calls} calls failed, {old.failed} of {old.calls} of {compared.stable_version}"
    excess = new.failed * old.calls - old.failed * new.calls
    if 10_000 * excess > canary.max_error_points * new.calls * old.calls:
        return Verdict(False, f"Its error rate is too high: {errors}.")
    # With at least one call there is a p95.
    assert new.p95_us is not None
    assert old.p95_us is not None
    times = f"p95 {new.p95_us} \N{MICRO SIGN}s beside {old.p95_us} \N{MICRO SIGN}s"
    if 100 * new.p95_us > canary.max_p95_percent * old.p95_us:
        return Verdict(False, f"It is too slow: {times} to the first byte; {errors}.")
    if age < timedelta(minutes=canary.min_minutes):
        return None
    return Verdict(True, f"It is no worse: {errors}; {times}.")


class CanaryWatch:
    """What the vendor sees of canaries and decides about them, with the figures."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._clock = clock
        self._canaries = Canaries(session, clock, ids, outbox)

    async def start(
        self, caller: Caller, vendor: str, name: str, version: str, terms: CanaryTerms
    ) -> tuple[Canary, dict[str, Any]]:
        """See `Canaries.start`; no figures yet."""
        return await self._canaries.start(caller, vendor, name, version, terms), {}

    async def figures(self, service: Service, canary: Canary) -> dict[str, Any]:
        """Those that ended it, or those so far."""
        if canary.state != "running":
            return canary.figures
        return (await self._compare(service, canary)).as_figures()

    async def list_own(
        self, caller: Caller, vendor: str, name: str, *, after: str | None, limit: int
    ) -> list[tuple[Canary, dict[str, Any]]]:
        """The newest first, each with its figures. Raises `ServiceNotFound`."""
        service = await self._canaries.get_service(caller, vendor, name)
        rows = await self._canaries.list_of(service, after=after, limit=limit)
        return [(canary, await self.figures(service, canary)) for canary in rows]

    async def decide(
        self, caller: Caller, vendor: str, name: str, *, promote: bool, reason: str
    ) -> tuple[Canary, dict[str, Any]]:
        """End the canary by a person's decision. Raises `ServiceNotFound`, `CanaryNotFound`."""
        service = await self._canaries.get_service(caller, vendor, name)
        canary = await self._canaries.get_running(service)
        figures = (await self._compare(service, canary)).as_figures()
        ending: Any = "promoted" if promote else "aborted"
        return await self._canaries.end(canary, ending, reason=reason, by=caller.actor, figures=figures), figures

    async def judge(self, service_id: str) -> Canary | None:
        """Judge the canary of this service; returns it if it ended now. Concurrent judgements wait for each other."""
        found = await self._canaries.take_running(service_id)
        if found is None:
            return None
        service, canary = found
        compared = await self._compare(service, canary)
        verdict = judge(canary, compared, age=self._clock.now() - canary.started_at)
        if verdict is None:
            return None
        ending: Any = "promoted" if verdict.promote else "rolled_back"
        figures = compared.as_figures()
        return await self._canaries.end(canary, ending, reason=verdict.reason, by="rule", figures=figures)

    async def _compare(self, service: Service, canary: Canary) -> Compared:
        stable = await self._canaries.stable_of(canary)
        own = await self._calls_of(service, canary, canary.release_id)
        if stable is None:
            return Compared(canary.version, own, None, None)
        return Compared(canary.version, own, stable.version, await self._calls_of(service, canary, stable.id))

    async def _calls_of(self, service: Service, canary: Canary, release_id: str) -> ReleaseCalls:
        return await calls_of_release(
            self._session,
            vendor_id=service.vendor_id,
            service_id=service.id,
            release_id=release_id,
            since=canary.started_at,
            until=self._clock.now(),
        )


async def judge_canaries(database: Database, clock: Clock, ids: Ids, outbox: Outbox) -> int:
    """Judges each canary that runs, in a transaction of its own; returns how many ended."""
    async with database.transaction() as session:
        waiting = await Canaries(session, clock, ids, outbox).running_ids()
    ended = 0
    for service_id in waiting:
        async with database.transaction() as session:
            ended += await CanaryWatch(session, clock, ids, outbox).judge(service_id) is not None
    return ended


def _figures(version: str, calls: ReleaseCalls) -> dict[str, Any]:
    return {"version": version, "calls": calls.calls, "failed": calls.failed, "p95_us": calls.p95_us}
