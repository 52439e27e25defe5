"""Signed webhooks: where organisations want news, and its delivery."""

from mercato.webhooks.addresses import WebhookAddresses
from mercato.webhooks.announce import announce, webhook_subscriber
from mercato.webhooks.audit_heads import announce_audit_head
from mercato.webhooks.deliver import Deliverer, forget_messages
from mercato.webhooks.endpoints import Delivered, NewSecret, Webhooks
from mercato.webhooks.events import EVENT_TYPES
from mercato.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint, WebhookMessage
from mercato.webhooks.news import WebhookDisabled
from mercato.webhooks.signing import SecretSeal

__all__ = [
    "EVENT_TYPES",
    "Delivered",
    "Deliverer",
    "NewSecret",
    "SecretSeal",
    "WebhookAddresses",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookDisabled",
    "WebhookEndpoint",
    "WebhookMessage",
    "Webhooks",
    "announce",
    "announce_audit_head",
    "forget_messages",
    "webhook_subscriber",
]
