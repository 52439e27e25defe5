"""The marketplace at a glance, for its operator: one request, one screen."""

from datetime import date, datetime

from pydantic import Field

from mercato_contracts.fields import CurrencyCode
from mercato_contracts.health import HealthState
from mercato_contracts.wire import Wire


class ServiceState(Wire):
    """A service of the marketplace's own, and how it is."""

    name: str = Field(description="The service's name")
    state: HealthState = Field(description="Whether it is up")
    detail: str = Field(description="Why it is not up; empty when it is")


class WaitingApproval(Wire):
    """A submission that waits for people."""

    submission_id: str = Field(description="The submission's id, `sbm_…`")
    service: str = Field(description="The service, `vendor/name`")
    version: str = Field(description="The version that was submitted")
    rule: str = Field(description="The rule that wants people")
    waiting_since: datetime = Field(description="Since when it waits, UTC")
    waiting_seconds: int = Field(description="How long it waits, in seconds")


class ApprovalQueue(Wire):
    """How many submissions wait; the oldest of them."""

    waiting: int = Field(description="How many submissions wait")
    oldest_seconds: int | None = Field(description="How long the oldest waits, in seconds; null: none waits")
    oldest: list[WaitingApproval] = Field(description="Those that wait longest, the oldest first")


class MoneyToday(Wire):
    """What consumers were charged for calls since midnight, in one currency, and the same yesterday until this hour."""

    currency: CurrencyCode
    charged_nanos: int = Field(description="Charged since midnight UTC, in nano-units")
    before_nanos: int = Field(description="Charged yesterday until this hour, in nano-units")


class CallsToday(Wire):
    """Calls since midnight, and the same yesterday until this hour. Failed are those of status 500 and above."""

    calls: int = Field(description="Calls since midnight UTC")
    failed: int = Field(description="Failed calls since midnight UTC")
    calls_before: int = Field(description="Calls yesterday until this hour")
    failed_before: int = Field(description="Failed calls yesterday until this hour")


class Incident(Wire):
    """Something that is wrong now: a service of ours that is down, a broken service level, or a thrown kill switch."""

    kind: str = Field(description="`health`, `service level` or `kill switch`")
    subject: str = Field(description="What it is about, in words")
    id: str = Field(description="The id of the service, alert or switch")
    severity: str = Field(description="`critical`, or the alert's severity: `fast` or `slow`")
    since: datetime | None = Field(description="Since when, UTC; null where that is not known")


class LastReconciliation(Wire):
    """The newest day whose sums were compared with its events and the ledger."""

    day: date = Field(description="The day that was compared, UTC")
    checked_at: datetime = Field(description="When it was compared, UTC")
    agrees: bool = Field(description="Whether sums, events and ledger agree")


class Overview(Wire):
    """Everything on the operator's first screen."""

    at: datetime = Field(description="When this was read, UTC")
    health: HealthState = Field(description="The worst state of all services")
    services: list[ServiceState] = Field(description="The marketplace's own services")
    approvals: ApprovalQueue = Field(description="Submissions that wait for people")
    money: list[MoneyToday] = Field(description="Today's charges, one for each currency")
    calls: CallsToday = Field(description="Today's calls")
    open_disputes: int = Field(
        description="Disputed calls and reviews of doubted counts that wait for a person, at most 200 of each"
    )
    incidents: list[Incident] = Field(description="What is wrong now")
    reconciliation: LastReconciliation | None = Field(
        description="The newest comparison of sums, events and ledger; null before the first"
    )
    under_maintenance: bool = Field(description="Whether changes are refused now")
