"""What webhooks keep sealed."""

from mercato.platform import Purpose, SealedColumn
from mercato.webhooks.models import WebhookSecret

SEALED = (
    SealedColumn(
        "secrets of webhooks", Purpose.WEBHOOK_SECRET, WebhookSecret.sealed, name=lambda row: str(row.endpoint_id)
    ),
)
