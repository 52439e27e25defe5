"""The news of subscriptions."""

from dataclasses import dataclass

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class SubscriptionChanged(News):
    """A subscription was made, cancelled or renewed."""

    topic = "subscription.changed"

    subscription_id: str
    """The subscription."""
    organisation_id: str
    """The consumer's organisation."""
    service_id: str
    """The service that it is for."""
