"""How the marketplace's own services are doing, as the probes found them."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from mercato_contracts.fields import NextPage
from mercato_contracts.wire import Wire

HealthState = Literal["up", "down", "unknown"]
"""`unknown`: nobody looked in the last 90 seconds."""


class GaugeView(Wire):
    """One figure of a service: how much waits, how old it is, how much room is left."""

    name: str = Field(description="What is measured")
    value: int = Field(description="The figure, in `unit`")
    unit: Literal["count", "seconds", "bytes", "milliseconds"] = Field(description="The figure's unit")
    at: datetime = Field(description="When it was read, UTC")
    stale: bool = Field(description="Whether it was read more than 90 seconds ago")


class ServiceHealthView(Wire):
    """One service. It is `down` where two of the last three probes failed."""

    name: str = Field(description="The service's name, such as `worker`")
    state: HealthState = Field(description="Whether it is up")
    since: datetime | None = Field(description="Since when it is in this state")
    probed_at: datetime | None = Field(description="When it was last probed, UTC; null: never")
    probed_by: str = Field(description="The process that probes it, which is another one")
    latency_ms: int | None = Field(description="Milliseconds that the last probe took; null where it was not answered")
    version: str = Field(description="The version that it runs")
    detail: str = Field(description="Why it is not up")
    gauges: list[GaugeView] = Field(description="Its figures")


class HealthView(Wire):
    """Every service; `state` is the worst of them."""

    state: HealthState = Field(description="The worst state of all services")
    at: datetime = Field(description="When this was read, UTC")
    services: list[ServiceHealthView] = Field(description="Every service of the marketplace itself")


class HealthChangeView(Wire):
    """A service went down or came back."""

    id: str = Field(description="The change's id, `hch_…`")
    service: str = Field(description="The service's name")
    before: HealthState = Field(description="The state before")
    state: HealthState = Field(description="The state since then")
    detail: str = Field(description="Why it is not up; empty when it is")
    at: datetime = Field(description="When it changed, UTC")


class HealthChangePage(Wire):
    """The newest first."""

    items: list[HealthChangeView] = Field(description="The changes of this page, newest first")
    next: NextPage


class HealthSpan(Wire):
    """The probes of one span of time."""

    start: datetime = Field(description="The start of the span, UTC")
    probes: int = Field(description="How many probes were made")
    failed: int = Field(description="How many of them failed")
    latency_ms: int | None = Field(description="The mean of the probes that were answered")
    latency_max_ms: int | None = Field(description="The slowest answered probe, in milliseconds; null without one")


class HealthHistory(Wire):
    """The spans of one service in which it was probed, the oldest first."""

    service: str = Field(description="The service's name")
    step: Literal["quarter", "hour", "day"] = Field(description="The length of a span")
    spans: list[HealthSpan] = Field(description="The spans with probes, oldest first")
