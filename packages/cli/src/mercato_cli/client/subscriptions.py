"""Subscriptions of the organisation."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.subscriptions import (
    ChangePlanRequest,
    PlanChangePreview,
    SubscribeRequest,
    SubscriptionPage,
    SubscriptionView,
)


class SubscriptionCalls(Transport):
    """Subscriptions of the organisation."""

    def subscribe(self, plan_id: str) -> SubscriptionView:
        """The active subscription to this plan."""
        return self.ask(SubscriptionView, "POST", "/api/subscriptions", SubscribeRequest(plan_id=plan_id).model_dump())

    def list_subscriptions(self, *, as_vendor: bool = False) -> list[SubscriptionView]:
        """Every subscription of the organisation, or, as a vendor, those to its services."""
        side = "vendor" if as_vendor else "consumer"
        return list(self.pages(SubscriptionPage, "/api/subscriptions", {"side": side}))

    def unsubscribe(self, subscription_id: str) -> SubscriptionView:
        """The subscription, cancelled."""
        return self.ask(SubscriptionView, "DELETE", f"/api/subscriptions/{segment(subscription_id)}")

    def preview_plan_change(self, subscription_id: str, plan_id: str) -> PlanChangePreview:
        """What the change would cost."""
        path = f"/api/subscriptions/{segment(subscription_id)}/plan-change"
        return self.ask(PlanChangePreview, "GET", path, query={"plan_id": plan_id})

    def change_plan(self, subscription_id: str, plan_id: str) -> SubscriptionView:
        """The subscription under the other plan."""
        path = f"/api/subscriptions/{segment(subscription_id)}/plan-change"
        return self.ask(SubscriptionView, "POST", path, ChangePlanRequest(plan_id=plan_id).model_dump())
