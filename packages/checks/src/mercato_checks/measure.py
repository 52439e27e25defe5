"""Phase 7: how fast and how steadily the endpoint answers. A rough measure: a few calls, one after another."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

from mercato_checks.codes import found
from mercato_checks.endpoint import Call, CallFailed, Endpoint
from mercato_checks.findings import Finding


@dataclass(frozen=True, slots=True)
class MeasurePolicy:
    """The operator's requirements of an endpoint. Times in milliseconds and seconds; shares in per mille."""

    calls: int = 20
    within_seconds: float = 30.0
    least_calls: int = 5
    p95_ms: int = 5_000
    most_failed_per_mille: int = 50


@dataclass(frozen=True, slots=True)
class Measurement:
    """The measurements; times in microseconds, of answered calls only (0 if there were none)."""

    calls: int
    failed: int
    first_us: int
    p50_us: int
    p95_us: int
    slowest_us: int

    @property
    def failed_per_mille(self) -> int:
        return 0 if self.calls == 0 else self.failed * 1000 // self.calls


@dataclass(frozen=True, slots=True)
class MeasureCheck:
    """Measurements, and findings by the policy."""

    findings: list[Finding]
    facts: Measurement


async def measure_endpoint(
    endpoint: Endpoint, call: Call, policy: MeasurePolicy = MeasurePolicy(), clock: Callable[[], float] = perf_counter
) -> MeasureCheck:
    """Repeat `call` until the policy's calls are made or its time is over.

    `clock` gives seconds. A call that began in time may finish: cut off by us it would count as the endpoint's failure.
    """
    times: list[int] = []
    failed = 0
    ends = clock() + policy.within_seconds
    for _ in range(policy.calls):
        if clock() >= ends:
            break
        took = await _time(endpoint, call, 2 * policy.p95_ms / 1000)
        if took is None:
            failed += 1
        else:
            times.append(took)
    facts = _summarise(times, failed)
    return MeasureCheck(_judge(facts, policy), facts)


async def _time(endpoint: Endpoint, call: Call, patience_seconds: float) -> int | None:
    """Microseconds of one call; None where it failed, answered an error or outlasted our patience."""
    try:
        async with asyncio.timeout(patience_seconds):
            answer = await endpoint.call(call)
    except (CallFailed, TimeoutError):
        return None
    return answer.took_us if answer.status < 400 else None


def _summarise(times: list[int], failed: int) -> Measurement:
    ordered = sorted(times)
    return Measurement(
        calls=len(times) + failed,
        failed=failed,
        first_us=times[0] if times else 0,
        p50_us=_quantile(ordered, 50),
        p95_us=_quantile(ordered, 95),
        slowest_us=ordered[-1] if ordered else 0,
    )


def _quantile(ordered: list[int], percent: int) -> int:
    """The nearest-rank quantile: the least value that `percent` of all do not exceed."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else 0


def _judge(facts: Measurement, policy: MeasurePolicy) -> list[Finding]:
    findings = []
    if facts.failed_per_mille > policy.most_failed_per_mille:
        findings.append(found("measure_errors", "endpoint.url", f"{facts.failed} of {facts.calls} calls failed."))
    if facts.calls < policy.least_calls:
        calls = "1 call" if facts.calls == 1 else f"{facts.calls} calls"
        message = f"Only {calls} fitted into {policy.within_seconds:g} s."
        findings.append(found("measure_too_few", "endpoint.url", message))
    if facts.p95_us > policy.p95_ms * 1000:
        message = f"19 of 20 calls took up to {facts.p95_us // 1000} ms; {policy.p95_ms} ms are wanted."
        findings.append(found("measure_slow", "endpoint.url", message))
    return findings
