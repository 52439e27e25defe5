"""Signed webhooks: where organisations want news, and its delivery.

* *Endpoint*: an organisation's address for news, with the event types that it wants and a secret.
* *Message*: one piece of news for one organisation, as it is sent.
* *Delivery*: a message on its way to one endpoint, tried again until it arrives or is given up.
* *Attempt*: one request of a delivery, and its response.
* *Signature*: as Standard Webhooks defines it, over id, time and body.
"""

from mercato.webhooks.addresses import WebhookAddresses
from mercato.webhooks.announce import announce, webhook_subscriber
from mercato.webhooks.audit_heads import announce_audit_head
from mercato.webhooks.deliver import Deliverer, forget_messages
from mercato.webhooks.direct import announce_to, count_due
from mercato.webhooks.endpoints import Delivered, NewSecret, Webhooks
from mercato.webhooks.events import EVENT_TYPES, HEALTH_CHANGED
from mercato.webhooks.models import WebhookEndpoint
from mercato.webhooks.news import WebhookDisabled
from mercato.webhooks.sealed_rows import SEALED
from mercato.webhooks.signing import SecretSeal

__all__ = [
    "EVENT_TYPES",
    "HEALTH_CHANGED",
    "SEALED",
    "Delivered",
    "Deliverer",
    "NewSecret",
    "SecretSeal",
    "WebhookAddresses",
    "WebhookDisabled",
    "WebhookEndpoint",
    "Webhooks",
    "announce",
    "announce_audit_head",
    "announce_to",
    "count_due",
    "forget_messages",
    "webhook_subscriber",
]
