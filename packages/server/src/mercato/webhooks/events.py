"""Which news becomes which type of event, for which organisations and with which fields; never a secret."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mercato.billing import CallDisputed, ChargeAdjusted, DisputeAnswered, DisputeClosed
from mercato.consumption import AlertOpened, AlertResolved, UsageReviewDecided, UsageReviewOpened
from mercato.discovery import SavedSearchFitted
from mercato.identity import KeyChanged, ViewAsBegan
from mercato.platform import News
from mercato.subscriptions import SubscriptionChanged
from mercato.webhooks.news import WebhookDisabled

TEST = "endpoint.test"
DISABLED = "endpoint.disabled"
AUDIT_SEALED = "audit.sealed"
"""Hourly, and only to endpoints that name it."""
HEALTH_CHANGED = "health.changed"
"""To the operator; sent by the room above (`direct.py`)."""


@dataclass(frozen=True, slots=True)
class EventKind:
    """A type of event made from `news`. `parties` names the fields with its recipients, `shown` those of its `data`."""

    news: type[News]
    event_type: str
    parties: tuple[str, ...]
    shown: tuple[str, ...]

    def audience(self, news: News) -> set[str]:
        """The organisations that receive it."""
        return {getattr(news, name) for name in self.parties}

    def content(self, news: News) -> dict[str, Any]:
        """The event's `data`."""
        return {name: getattr(news, name) for name in self.shown}


_ALERT = ("alert_id", "service_id", "objective", "severity")
_DISPUTE = ("dispute_id", "call_id")
_PARTIES = ("consumer_id", "vendor_id")
_REVIEW = ("review_id", "service_id", "verdict")
KINDS = {
    kind.news: kind
    for kind in (
        EventKind(AlertOpened, "alert.opened", ("vendor_id",), _ALERT),
        EventKind(AlertResolved, "alert.resolved", ("vendor_id",), _ALERT),
        EventKind(UsageReviewOpened, "usage_review.opened", ("vendor_id",), _REVIEW),
        EventKind(UsageReviewDecided, "usage_review.decided", ("vendor_id",), _REVIEW),
        EventKind(
            ChargeAdjusted,
            "adjustment.posted",
            _PARTIES,
            ("adjustment_id", "nanos", "currency"),
        ),
        EventKind(CallDisputed, "dispute.opened", _PARTIES, (*_DISPUTE, "kind", "nanos", "currency")),
        EventKind(DisputeAnswered, "dispute.answered", _PARTIES, _DISPUTE),
        EventKind(
            DisputeClosed,
            "dispute.closed",
            _PARTIES,
            (*_DISPUTE, "state", "returned_nanos", "currency", "adjustment_id", "reason"),
        ),
        EventKind(SubscriptionChanged, "subscription.changed", ("organisation_id",), ("subscription_id", "service_id")),
        EventKind(KeyChanged, "key.changed", ("organisation_id",), ("key_id",)),
        EventKind(
            SavedSearchFitted,
            "saved_search.fitted",
            ("organisation_id",),
            ("saved_search_id", "search", "service_id", "service", "version"),
        ),
        EventKind(ViewAsBegan, "view_as.began", ("organisation_id",), ("view_id", "user_id", "reason", "ends_at")),
        EventKind(WebhookDisabled, DISABLED, ("organisation_id",), ("endpoint_id", "reason")),
    )
}
EVENT_TYPES = tuple(sorted({AUDIT_SEALED, HEALTH_CHANGED, *(kind.event_type for kind in KINDS.values())}))


def matches(event_types: Iterable[str], event_type: str) -> bool:
    """Whether an endpoint with this choice receives such events; an empty choice means all."""
    chosen = set(event_types)
    return not chosen or event_type in chosen or event_type == TEST
