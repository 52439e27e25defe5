"""What the gateways measured of a service in 30 days: a few figures, and a chart of its calls and times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from mercato.console.charts import Chart, Line, Unit, bars, line, periods
from mercato.consumption import HealthStep, whole_health
from mercato.metering import quantile_us


@dataclass(frozen=True, slots=True)
class MeasuredStrip:
    """The figures of all steps together, and their charts."""

    calls: int
    failed: int
    availability_bp: int | None
    p50_us: int | None
    p95_us: int | None
    by_day: Chart
    times: Chart


_CALLS = Unit("calls")
_MILLIS = Unit("ms", summed=False)


def measured_strip(steps: Sequence[HealthStep], zone: str) -> MeasuredStrip | None:
    """`None` where nobody called."""
    health = whole_health(step.health for step in steps)
    if not health.calls:
        return None
    places = periods([step.start for step in steps], "UTC", timedelta(days=1))
    p50 = [None if step.p50_us is None else step.p50_us / 1_000 for step in steps]
    p95 = [None if step.health.p95_us is None else step.health.p95_us / 1_000 for step in steps]
    return MeasuredStrip(
        calls=health.calls,
        failed=health.failed,
        availability_bp=health.availability_bp,
        p50_us=quantile_us(health.latency, 5_000),
        p95_us=health.p95_us,
        by_day=bars("Calls a day, UTC", places, [Line("calls", [step.health.calls for step in steps])], _CALLS),
        times=line("Answer times a day, UTC", places, [Line("p50", p50), Line("p95", p95)], _MILLIS),
    )
