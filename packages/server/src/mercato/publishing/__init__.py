"""Listings, their immutable releases and plans, and the pipeline that publishes them."""

from mercato.publishing.catalogue import Catalogue, Listing, route_plan
from mercato.publishing.models import Deployment, Plan, Release, Service
from mercato.publishing.refusals import PlanNotFound, ServiceNotFound

__all__ = [
    "Catalogue",
    "Deployment",
    "Listing",
    "Plan",
    "PlanNotFound",
    "Release",
    "Service",
    "ServiceNotFound",
    "route_plan",
]
