"""Webhooks and their deliveries."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.webhooks import (
    NewWebhookAnswer,
    WebhookDeliveryPage,
    WebhookDeliveryView,
    WebhookList,
    WebhookRequest,
    WebhookView,
)


class WebhookCalls(Transport):
    """Webhooks and their deliveries."""

    def add_webhook(self, request: WebhookRequest) -> NewWebhookAnswer:
        """The endpoint with its secret."""
        return self.ask(NewWebhookAnswer, "POST", "/api/webhooks", request.model_dump(mode="json"))

    def list_webhooks(self) -> WebhookList:
        """Every endpoint of the organisation."""
        return self.ask(WebhookList, "GET", "/api/webhooks")

    def remove_webhook(self, webhook_id: str) -> None:
        """Remove it with its secrets and its log."""
        self.request("DELETE", f"/api/webhooks/{segment(webhook_id)}")

    def enable_webhook(self, webhook_id: str) -> WebhookView:
        """Enable the endpoint again."""
        return self.ask(WebhookView, "PATCH", f"/api/webhooks/{segment(webhook_id)}", {"enabled": True})

    def rotate_webhook(self, webhook_id: str, grace_seconds: int) -> NewWebhookAnswer:
        """The endpoint with its new secret."""
        body = {"grace_seconds": grace_seconds}
        return self.ask(NewWebhookAnswer, "POST", f"/api/webhooks/{segment(webhook_id)}/rotate", body)

    def test_webhook(self, webhook_id: str) -> WebhookDeliveryView:
        """Send a test event."""
        return self.ask(WebhookDeliveryView, "POST", f"/api/webhooks/{segment(webhook_id)}/test")

    def webhook_deliveries(self, webhook_id: str, limit: int) -> WebhookDeliveryPage:
        """List alerts, newest first."""
        path = f"/api/webhooks/{segment(webhook_id)}/deliveries"
        return self.ask(WebhookDeliveryPage, "GET", path, query={"limit": limit})

    def redeliver_webhook(self, webhook_id: str, delivery_id: str) -> None:
        """Send the same message again."""
        self.request("POST", f"/api/webhooks/{segment(webhook_id)}/deliveries/{segment(delivery_id)}/redeliver")
