"""Estimates a service's cost for a workload, or the organisation's own last month, under each offered plan."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from mercato.billing.refusals import WorkloadEmpty
from mercato.identity import Caller, Permission
from mercato.metering import month_start, month_usage
from mercato.platform import Clock, Session
from mercato.publishing import Catalogue, Plan, ServiceNotFound
from mercato_contracts.pricing import ceil_div


@dataclass(frozen=True, slots=True)
class Workload:
    """A month of use: calls that are owed, and their tokens."""

    calls: int
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class EstimateLine:
    """`units` are priced; of tokens `unit_nanos` is for a thousand."""

    item: Literal["monthly", "call", "input_tokens", "output_tokens"]
    units: int
    unit_nanos: int
    nanos: int


@dataclass(frozen=True, slots=True)
class PlanEstimate:
    """What a plan would charge for the workload. `refused_units` are beyond what it includes, where it ends there."""

    plan: Plan
    included_units: int
    refused_units: int
    lines: list[EstimateLine]

    @property
    def nanos(self) -> int:
        return sum(line.nanos for line in self.lines)


@dataclass(frozen=True, slots=True)
class Estimates:
    """The workload and what each open plan would charge for it, the cheapest of a currency first."""

    workload: Workload
    since: datetime | None
    plans: list[PlanEstimate]


class Estimating:
    """Prices a workload. Real calls are rounded up one by one, so real prices are slightly higher."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._catalogue = Catalogue(session)

    async def of_workload(self, caller: Caller, vendor: str, name: str, workload: Workload) -> Estimates:
        """Raises `ServiceNotFound`, `WorkloadEmpty`."""
        caller.require(Permission.SERVICES_READ)
        return await self._price(await self._find(caller, vendor, name), workload, None)

    async def of_last_month(self, caller: Caller, vendor: str, name: str) -> Estimates:
        """What the organisation's own calls of the service in the month before, UTC, would have cost."""
        caller.require(Permission.USAGE_READ)
        service_id = await self._find(caller, vendor, name)
        this = month_start(self._clock.now())
        last = month_start(this - timedelta(days=1))
        calls, into, out = await month_usage(self._session, caller.organisation_id, service_id, last, this)
        return await self._price(service_id, Workload(calls, into, out), last)

    async def _find(self, caller: Caller, vendor: str, name: str) -> str:
        service = await Catalogue(self._session, caller.organisation_slug).find_service(vendor, name)
        if service is None:
            raise ServiceNotFound(f"There is no service {vendor}/{name}.", service=f"{vendor}/{name}")
        return service.id

    async def _price(self, service_id: str, workload: Workload, since: datetime | None) -> Estimates:
        plans = await self._catalogue.open_plans(service_id)
        if workload == Workload(0, 0, 0):
            raise WorkloadEmpty("No calls and no tokens: there is nothing to price.")
        priced = [estimate(plan, workload) for plan in plans]
        return Estimates(workload, since, sorted(priced, key=lambda one: (one.plan.currency, one.nanos, one.plan.name)))


def estimate(plan: Plan, workload: Workload) -> PlanEstimate:
    """The plan's included units are taken first, input before output, as of real calls."""
    calls, into, out = workload.calls, workload.tokens_in, workload.tokens_out
    unit = plan.included_unit
    covered_calls = min(plan.included, calls) if unit == "requests" else 0
    if covered_calls:
        # A covered call's tokens are covered with it.
        into, out = (tokens - tokens * covered_calls // calls for tokens in (into, out))
    covered = min(plan.included, into + out) if unit == "tokens" else 0
    covered_in = min(covered, into)
    left = calls - covered_calls, into - covered_in, out - (covered - covered_in)
    refused = 0
    if not plan.overage and unit is not None:
        refused = left[0] if unit == "requests" else left[1] + left[2]
        left = (0, 0, 0) if unit == "requests" else (left[0], 0, 0)
    lines = [
        EstimateLine("monthly", 1, plan.monthly_nanos, plan.monthly_nanos),
        EstimateLine("call", left[0], plan.per_call_nanos, left[0] * plan.per_call_nanos),
        _tokens("input_tokens", left[1], plan.per_1k_input_nanos),
        _tokens("output_tokens", left[2], plan.per_1k_output_nanos),
    ]
    return PlanEstimate(plan, covered_calls or covered, refused, lines)


def _tokens(item: Literal["input_tokens", "output_tokens"], units: int, per_1k: int) -> EstimateLine:
    return EstimateLine(item, units, per_1k, ceil_div(units * per_1k, 1000))
