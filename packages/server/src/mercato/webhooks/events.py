"""Which news becomes which type of event, for whom, and what of it is told: ids and figures, never a secret."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

TEST = "endpoint.test"
DISABLED = "endpoint.disabled"


@dataclass(frozen=True, slots=True)
class EventKind:
    """A type of event from the outbox's `topic`. `parties` names the payload's fields that hold who is told."""

    topic: str
    event_type: str
    parties: tuple[str, ...]
    told: tuple[str, ...]

    def audience(self, payload: dict[str, Any]) -> set[str]:
        """The organisations that are told."""
        return {str(payload[name]) for name in self.parties if payload.get(name)}

    def content(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The event's `data`."""
        return {name: payload[name] for name in self.told if name in payload}


_ALERT = ("alert_id", "service_id", "objective", "severity")
_REVIEW = ("review_id", "service_id", "verdict")
KINDS = {
    kind.topic: kind
    for kind in (
        EventKind("sla.alert_opened", "alert.opened", ("vendor_id",), _ALERT),
        EventKind("sla.alert_resolved", "alert.resolved", ("vendor_id",), _ALERT),
        EventKind("usage.review_opened", "usage_review.opened", ("vendor_id",), _REVIEW),
        EventKind("usage.review_decided", "usage_review.decided", ("vendor_id",), _REVIEW),
        EventKind(
            "billing.adjusted",
            "adjustment.posted",
            ("consumer_id", "vendor_id"),
            ("adjustment_id", "nanos", "currency"),
        ),
        EventKind(
            "subscription.changed", "subscription.changed", ("organisation_id",), ("subscription_id", "service_id")
        ),
        EventKind("key.changed", "key.changed", ("organisation_id",), ("key_id",)),
        EventKind("webhook.disabled", DISABLED, ("organisation_id",), ("endpoint_id", "reason")),
    )
}
EVENT_TYPES = tuple(sorted({kind.event_type for kind in KINDS.values()}))


def matches(event_types: Iterable[str], event_type: str) -> bool:
    """Whether an endpoint with this choice is told of such events; an empty choice is all."""
    chosen = set(event_types)
    return not chosen or event_type in chosen or event_type == TEST
