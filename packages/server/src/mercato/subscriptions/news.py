"""What subscriptions tell."""

from dataclasses import dataclass

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class SubscriptionChanged(News):
    """A subscription began, was cancelled or was taken up again."""

    topic = "subscription.changed"

    subscription_id: str
    """The subscription."""
    organisation_id: str
    """The consumer's organisation."""
    service_id: str
    """The service that it is for."""
