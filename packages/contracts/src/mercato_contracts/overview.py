"""The marketplace at a glance, for its operator: one request, one screen."""

from datetime import date, datetime

from pydantic import Field

from mercato_contracts.health import HealthState
from mercato_contracts.wire import Wire


class ServiceState(Wire):
    """A service of the marketplace's own, and how it is."""

    name: str
    state: HealthState
    detail: str


class WaitingApproval(Wire):
    """A submission that waits for people."""

    submission_id: str
    service: str
    version: str
    rule: str
    waiting_since: datetime
    waiting_seconds: int


class ApprovalQueue(Wire):
    """How many submissions wait; the oldest of them."""

    waiting: int
    oldest_seconds: int | None
    oldest: list[WaitingApproval]


class MoneyToday(Wire):
    """What consumers were charged for calls since midnight, in one currency, and the same yesterday until this hour."""

    currency: str
    charged_nanos: int
    before_nanos: int


class CallsToday(Wire):
    """Calls since midnight, and the same yesterday until this hour. Failed are those of status 500 and above."""

    calls: int
    failed: int
    calls_before: int
    failed_before: int


class Incident(Wire):
    """Something that is wrong now: a service of ours that is down, a broken service level, or a thrown kill switch."""

    kind: str
    subject: str = Field(description="What it is about, in words")
    id: str
    severity: str
    since: datetime | None


class LastReconciliation(Wire):
    """The newest day whose sums were compared with its events and the ledger."""

    day: date
    checked_at: datetime
    agrees: bool


class Overview(Wire):
    """Everything on the operator's first screen."""

    at: datetime
    health: HealthState
    services: list[ServiceState]
    approvals: ApprovalQueue
    money: list[MoneyToday]
    calls: CallsToday
    open_disputes: int = Field(description="Reviews of disputed usage that wait for a person; at most 200 are counted")
    incidents: list[Incident]
    reconciliation: LastReconciliation | None
    under_maintenance: bool
