"""The news of webhooks."""

from dataclasses import dataclass

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class WebhookDisabled(News):
    """An endpoint failed for too long, or answered 410: nothing is sent to it any more."""

    topic = "webhook.disabled"

    organisation_id: str
    """The organisation whose endpoint it is."""
    endpoint_id: str
    """The endpoint."""
    reason: str
    """Why, in a phrase."""
