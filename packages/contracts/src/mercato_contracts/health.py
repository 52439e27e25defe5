"""How the marketplace's own services are doing, as the probes found them."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from mercato_contracts.wire import Wire

HealthState = Literal["up", "down", "unknown"]
"""`unknown`: nobody looked in the last 90 seconds."""


class GaugeView(Wire):
    """One figure of a service: how much waits, how old it is, how much room is left."""

    name: str
    value: int
    unit: Literal["count", "seconds", "bytes", "milliseconds"]
    at: datetime
    stale: bool = Field(description="Whether it was read more than 90 seconds ago")


class ServiceHealthView(Wire):
    """One service. It is `down` where two of the last three probes failed."""

    name: str
    state: HealthState
    since: datetime | None = Field(description="Since when it is in this state")
    probed_at: datetime | None
    probed_by: str = Field(description="The process that probes it, which is another one")
    latency_ms: int | None
    version: str
    detail: str = Field(description="Why it is not up")
    gauges: list[GaugeView]


class HealthView(Wire):
    """Every service; `state` is the worst of them."""

    state: HealthState
    at: datetime
    services: list[ServiceHealthView]


class HealthChangeView(Wire):
    """A service went down or came back."""

    id: str
    service: str
    before: HealthState
    state: HealthState
    detail: str
    at: datetime


class HealthChangePage(Wire):
    """The newest first."""

    items: list[HealthChangeView]
    next: str | None


class HealthSpan(Wire):
    """The probes of one span of time."""

    start: datetime
    probes: int
    failed: int
    latency_ms: int | None = Field(description="The mean of the probes that were answered")
    latency_max_ms: int | None


class HealthHistory(Wire):
    """The spans of one service in which it was probed, the oldest first."""

    service: str
    step: Literal["quarter", "hour", "day"]
    spans: list[HealthSpan]
