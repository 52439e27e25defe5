"""Who may call what, at which plan."""

from mercato.subscriptions.models import Subscription
from mercato.subscriptions.news import SubscriptionChanged
from mercato.subscriptions.refusals import OtherPlanActive, PlanNotOffered, SubscriptionNotFound
from mercato.subscriptions.subscribe import Subscriptions
from mercato.subscriptions.terms import SubscriptionTerms, Terms

__all__ = [
    "OtherPlanActive",
    "PlanNotOffered",
    "Subscription",
    "SubscriptionChanged",
    "SubscriptionNotFound",
    "SubscriptionTerms",
    "Subscriptions",
    "Terms",
]
