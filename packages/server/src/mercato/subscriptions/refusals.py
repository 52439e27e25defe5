"""What subscriptions refuse."""

from mercato.platform import Conflict, NotFound


class PlanNotOffered(Conflict):
    """The plan is retired, or its service takes no new subscriptions."""

    code = "plan_not_offered"
    title = "The plan is no longer offered"
    fix = "Choose an open plan: `GET /api/services/{vendor}/{name}` lists them."


class OtherPlanActive(Conflict):
    """The organisation has another plan of this service; two at once would leave open which one pays for a call."""

    code = "other_plan_active"
    title = "Your organisation has another plan of this service"
    fix = "Cancel it first (`DELETE /api/subscriptions/{id}`, the id is in `facts.subscription`), then subscribe again."


class SubscriptionNotFound(NotFound):
    """The caller's organisation has no such subscription."""

    code = "subscription_not_found"
    title = "No such subscription"
    fix = "`GET /api/subscriptions` lists the subscriptions of your organisation."
