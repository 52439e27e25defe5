"""Who may call which service, under which plan.

* *Subscription*: a consumer's right to call a service under one plan; at most one is active for a service.
* *Plan*: the price and limits of a service; it belongs to the room of publishing.
* *Terms*: a subscription with its plan, as prices and limits are computed from it.
* *Active*: calls may be made; a cancelled subscription keeps its history.
* *Renewal*: a cancelled subscription taken again under the same plan; it is the same row, and its quota continues.
"""

from mercato.subscriptions.models import Subscription
from mercato.subscriptions.news import SubscriptionChanged
from mercato.subscriptions.refusals import (
    OtherPlanActive,
    PlanNotOffered,
    PlanOfOtherService,
    SubscriptionEnded,
    SubscriptionNotFound,
)
from mercato.subscriptions.subscribe import Subscriptions, WantedPlan
from mercato.subscriptions.terms import SubscriptionTerms, Terms

__all__ = [
    "OtherPlanActive",
    "PlanNotOffered",
    "PlanOfOtherService",
    "Subscription",
    "SubscriptionChanged",
    "SubscriptionEnded",
    "SubscriptionNotFound",
    "SubscriptionTerms",
    "Subscriptions",
    "Terms",
    "WantedPlan",
]
