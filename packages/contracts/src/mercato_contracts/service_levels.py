"""Service levels, alerts and public status under `/api`. Shares are in basis points: ten thousand are all."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from mercato_contracts.fields import NextPage, ServiceId, VendorSlug
from mercato_contracts.wire import Wire

ServiceState = Literal["operational", "degraded", "outage", "quiet"]
"""`quiet`: nobody called in the last hour, and nothing is known to be wrong."""


class LevelWindow(Wire):
    """What a service did in the last `window`. Counts are for its vendor and operators; `null` without a call."""

    window: Literal["5m", "1h", "6h", "1d", "30d"] = Field(description="Over which time")
    calls: int | None = Field(description="How many calls; null for other consumers, and without a call")
    failed: int | None = Field(description="How many of them failed; null likewise")
    availability_bp: int | None = Field(
        description="The share of calls that did not fail, in basis points; null without a call"
    )
    p95_us: int | None = Field(
        description="The latency that 95 of 100 calls stay within, in microseconds; null without a call"
    )


class AlertView(Wire):
    """A promise that is, or was, being broken.

    `severity` fast: the error budget burnt more than 14.4 times too fast over an hour; slow: 6 times over six hours.
    `burn_hundredths` is the burn rate when it was opened, `bad` of `calls` the calls behind it.
    """

    id: str = Field(description="The alert's id, `alr_…`")
    service_id: ServiceId
    objective: Literal["availability", "latency"] = Field(description="Which promise is broken")
    severity: Literal["fast", "slow"] = Field(description="How fast the error budget burns")
    budget_bp: int = Field(description="The share of calls that may fail, in basis points")
    burn_hundredths: int = Field(description="The burn rate at its opening, in hundredths")
    calls: int = Field(description="The calls behind it")
    bad: int = Field(description="How many of them broke the promise")
    opened_at: datetime = Field(description="When it was opened, UTC")
    resolved_at: datetime | None = Field(description="When the promise held again, UTC; null while it is broken")


class AlertPage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[AlertView] = Field(description="The alerts of this page, newest first")
    next: str | None = Field(description="Pass it as `before` for the next page; null on the last page")


class ServiceLevelView(Wire):
    """What is promised of a service, and what it does.

    `budget_left_bp`: how much of 30 days' error budget is left, in ten thousandths; negative where all of it is gone.
    """

    service_id: ServiceId
    vendor: VendorSlug
    name: str = Field(description="The service's name within its vendor")
    availability_bp: int | None = Field(
        description="The promised share of calls that do not fail, in basis points; null: none promised"
    )
    p95_latency_ms: int | None = Field(
        description="The promised latency of 95 of 100 calls, in milliseconds; null: none promised"
    )
    budget_left_bp: int | None = Field(
        description="What is left of 30 days' error budget, in basis points; negative when overdrawn"
    )
    windows: list[LevelWindow] = Field(description="What it did, over several times")
    alerts: list[AlertView] = Field(description="The promises that are being broken")


class StatusDay(Wire):
    """A day, UTC; `null` where nobody called."""

    day: date = Field(description="The day, UTC")
    availability_bp: int | None = Field(
        description="The share of calls that did not fail, in basis points; null where nobody called"
    )


class IncidentView(Wire):
    """A time in which a promise was being broken; open while it has no end."""

    id: str = Field(description="The incident's id, `alr_…`")
    objective: Literal["availability", "latency"] = Field(description="Which promise was broken")
    severity: Literal["fast", "slow"] = Field(description="How fast the error budget burnt")
    opened_at: datetime = Field(description="When it began, UTC")
    resolved_at: datetime | None = Field(description="When it ended, UTC; null while it is open")


class StatusEntry(Wire):
    """How a service does now."""

    vendor: VendorSlug
    name: str = Field(description="The service's name within its vendor")
    title: str = Field(description="The title, in a few words")
    state: ServiceState = Field(description="How it does now")


class StatusList(Wire):
    """Listed services in the order they were listed; ask on with `after` set to `next`."""

    at: datetime = Field(description="When this was read, UTC")
    items: list[StatusEntry] = Field(description="The services of this page, in the order of listing")
    next: NextPage


class ServiceStatusView(StatusEntry):
    """How a service does now and did in the last 90 days, and the incidents of that time, the newest first."""

    at: datetime = Field(description="When this was read, UTC")
    availability_bp: int | None = Field(
        description="The share of calls of 90 days that did not fail, in basis points; null where nobody called"
    )
    days: list[StatusDay] = Field(description="The last 90 days, oldest first")
    incidents: list[IncidentView] = Field(description="The incidents of that time, newest first")
