"""Service levels, alerts and public status under `/api`. Shares are in basis points: ten thousand are all."""

from datetime import date, datetime
from typing import Literal

from mercato_contracts.wire import Wire

ServiceState = Literal["operational", "degraded", "outage", "quiet"]
"""`quiet`: nobody called in the last hour, and nothing is known to be wrong."""


class LevelWindow(Wire):
    """What a service did in the last `window`. Counts are for its vendor and operators; `null` without a call."""

    window: Literal["5m", "1h", "6h", "1d", "30d"]
    calls: int | None
    failed: int | None
    availability_bp: int | None
    p95_us: int | None


class AlertView(Wire):
    """A promise that is, or was, being broken.

    `severity` fast: the error budget burnt more than 14.4 times too fast over an hour; slow: 6 times over six hours.
    `burn_hundredths` is the burn rate when it was opened, `bad` of `calls` the calls behind it.
    """

    id: str
    service_id: str
    objective: Literal["availability", "latency"]
    severity: Literal["fast", "slow"]
    budget_bp: int
    burn_hundredths: int
    calls: int
    bad: int
    opened_at: datetime
    resolved_at: datetime | None


class AlertPage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[AlertView]
    next: str | None


class ServiceLevelView(Wire):
    """What is promised of a service, and what it does.

    `budget_left_bp`: how much of 30 days' error budget is left, in ten thousandths; negative where all of it is gone.
    """

    service_id: str
    vendor: str
    name: str
    availability_bp: int | None
    p95_latency_ms: int | None
    budget_left_bp: int | None
    windows: list[LevelWindow]
    alerts: list[AlertView]


class StatusDay(Wire):
    """A day, UTC; `null` where nobody called."""

    day: date
    availability_bp: int | None


class IncidentView(Wire):
    """A time in which a promise was being broken; open while it has no end."""

    id: str
    objective: Literal["availability", "latency"]
    severity: Literal["fast", "slow"]
    opened_at: datetime
    resolved_at: datetime | None


class StatusEntry(Wire):
    """How a service does now."""

    vendor: str
    name: str
    title: str
    state: ServiceState


class StatusList(Wire):
    """Listed services in the order they were listed; ask on with `after` set to `next`."""

    at: datetime
    items: list[StatusEntry]
    next: str | None


class ServiceStatusView(StatusEntry):
    """How a service does now and did in the last 90 days, and the incidents of that time, the newest first."""

    at: datetime
    availability_bp: int | None
    days: list[StatusDay]
    incidents: list[IncidentView]
