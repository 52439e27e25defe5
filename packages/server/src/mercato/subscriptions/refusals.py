"""The refusals of subscriptions."""

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


class SubscriptionEnded(Conflict):
    """It is cancelled: a plan is changed while it is in force."""

    code = "subscription_ended"
    title = "The subscription is cancelled"
    fix = "Subscribe to the plan that you want: `POST /api/subscriptions` with its id."


class PlanOfOtherService(Conflict):
    """A subscription stays with its service."""

    code = "plan_of_other_service"
    title = "The plan belongs to another service"
    fix = "Choose a plan of the same service: `GET /api/services/{vendor}/{name}` lists them."
