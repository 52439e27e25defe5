"""The news of consumption."""

from dataclasses import dataclass

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class _AlertNews(News):
    alert_id: str
    """The alert."""
    service_id: str
    """The service that misses its target."""
    vendor_id: str
    """The organisation that offers the service."""
    objective: str
    """What was promised: `availability` or `latency`."""
    severity: str
    """Which rule was broken: `fast` or `slow`, by how quickly the budget is used up."""


@dataclass(frozen=True, kw_only=True)
class AlertOpened(_AlertNews):
    """A service misses its service level."""

    topic = "sla.alert_opened"


@dataclass(frozen=True, kw_only=True)
class AlertResolved(_AlertNews):
    """A service meets its service level again, or the target is gone."""

    topic = "sla.alert_resolved"


@dataclass(frozen=True, kw_only=True)
class _ReviewNews(News):
    review_id: str
    """The review."""
    service_id: str
    """The service whose usage is disputed."""
    vendor_id: str
    """The organisation that offers the service."""
    verdict: str | None
    """`clear` or `hold`; null until the operator has decided."""


@dataclass(frozen=True, kw_only=True)
class UsageReviewOpened(_ReviewNews):
    """A service claimed implausible usage so often that an operator must review it."""

    topic = "usage.review_opened"


@dataclass(frozen=True, kw_only=True)
class UsageReviewDecided(_ReviewNews):
    """An operator decided on a service's disputed usage."""

    topic = "usage.review_decided"
